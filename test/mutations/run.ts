/**
 * `npm run test:mutations`: each edit of mutations.ts, alone, in a copy of lib/dist, must make the
 * test that is named beside it fail; unedited, that test must pass. Words pick the mutations whose
 * file begins so: `npm run test:mutations -- train/ distill/`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutations, type Mutation } from './mutations';

const root = join(__dirname, '../..');

/** A copy of the repository whose lib/dist and test/ are its own, all else links. */
function copyOfTree(): string {
  const tree = mkdtempSync(join(tmpdir(), 'freekd-mutations-'));
  const link = (from: string, to: string, own: string[]): void => {
    mkdirSync(join(tree, to), { recursive: true });
    for (const name of readdirSync(join(root, from)))
      if (!own.includes(name)) symlinkSync(join(root, from, name), join(tree, to, name));
  };
  link('.', '.', ['.git', 'lib', 'node_modules', 'test']);
  link('lib', 'lib', ['dist']);
  link('node_modules', 'node_modules', ['freekd']);
  symlinkSync('../lib', join(tree, 'node_modules/freekd'));
  cpSync(join(root, 'lib/dist'), join(tree, 'lib/dist'), { recursive: true });
  cpSync(join(root, 'test'), join(tree, 'test'), { recursive: true });
  return tree;
}

/** How many tests of a file passed and failed, of those whose name has `name` in it. */
function runTest(tree: string, { test, name }: Mutation): Promise<{ passed: number; failed: number; output: string }> {
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
  const words = [tsx, '--test', '--test-reporter=tap', `--test-name-pattern=${pattern}`, join('test', test)];
  const child = spawn(process.execPath, words, { cwd: tree, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  return new Promise((resolve) => {
    child.on('close', () => {
      const count = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
      resolve({ passed: count('pass'), failed: count('fail'), output });
    });
  });
}

/** Whether the named test notices the edit; a sentence where the entry itself is wrong. */
async function outcomeOf(tree: string, mutation: Mutation): Promise<'noticed' | 'survived' | string> {
  const file = join(tree, 'lib/dist', mutation.file);
  const source = readFileSync(file, 'utf8');
  const places = source.split(mutation.from).length - 1;
  if (places !== 1) return `"${mutation.from}" stands ${places} times in ${mutation.file}, not once`;
  try {
    writeFileSync(file, source.replace(mutation.from, () => mutation.to));
    if (spawnSync(process.execPath, ['--check', file]).status !== 0) return 'the edited file does not parse';
    return (await runTest(tree, mutation)).failed > 0 ? 'noticed' : 'survived';
  } finally {
    writeFileSync(file, source);
  }
}

async function main(words: string[]): Promise<number> {
  const chosen = mutations.filter(({ file }) => words.length === 0 || words.some((word) => file.startsWith(word)));
  if (chosen.length === 0) {
    const folders = [...new Set(mutations.map(({ file }) => file.replace(/\/.*/, '/')))].sort().join(' ');
    console.error(`npm run test:mutations -- [words]: those of files of lib/ that begin with a word, as of ${folders}`);
    return 2;
  }
  const tree = copyOfTree();
  try {
    const sound = new Map<string, string | undefined>();
    let wrong = 0;
    for (const mutation of chosen) {
      const { file, from, to, test, name } = mutation;
      const key = `${test}: ${name}`;
      if (!sound.has(key)) {
        const { passed, failed, output } = await runTest(tree, mutation);
        sound.set(key, passed > 0 && failed === 0 ? undefined : `${key} does not pass unedited\n${output}`);
      }
      const outcome = sound.get(key) ?? (await outcomeOf(tree, mutation));
      if (outcome !== 'noticed') wrong++;
      console.log(`${outcome.padEnd(8)}  ${file}: ${from.trim()}  ->  ${to.trim()}  (${key})`);
    }
    console.log(`\n${chosen.length - wrong} of ${chosen.length} mutations are noticed.`);
    return wrong > 0 ? 1 : 0;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

void main(process.argv.slice(2)).then((status) => (process.exitCode = status));
