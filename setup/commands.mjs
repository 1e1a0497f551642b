/** The npm scripts: each makes sure of the set-up it needs, then does its work. */
import path from 'node:path';
import './parent.mjs';
import { SetupError } from './errors.mjs';
import { fromRoot, nodeModules } from './paths.mjs';
import { seconds } from './progress.mjs';
import { runInForeground, watchedNode, watchedPython } from './run.mjs';
import { mpirun, ranksIn } from './mpirun.mjs';
import { ensure, forBuild, forLint, needPython, withOpenMpi, withReferences } from './setup.mjs';

async function setup(words) {
  const unknown = words.find((word) => word !== '--repair' && word !== '--openmpi');
  if (unknown)
    throw new SetupError(
      `setup does not know "${unknown}".`,
      'Its options are --repair, to make every part again, and --openmpi, to add Open MPI.',
    );
  const start = Date.now();
  const { sentence } = await ensure(words.includes('--openmpi') ? withOpenMpi : undefined, {
    repair: words.includes('--repair'),
  });
  console.log(`Ready in ${seconds(start)}: ${sentence}.`);
  return 0;
}

async function reproduce(words) {
  const ranks = words.includes('--help') || words.includes('-h') ? undefined : ranksIn(words);
  const { environment } = await ensure(ranks ? withOpenMpi : undefined);
  const command = [
    ...(ranks ? mpirun(ranks) : []),
    ...watchedNode,
    fromRoot('lib', 'dist', 'commands', 'reproduce', 'main.js'),
    ...words,
  ];
  // So that a loss file, wherever it lies, finds freekd.
  const NODE_PATH = [nodeModules, environment.NODE_PATH].filter(Boolean).join(path.delimiter);
  const env = { ...environment, NODE_PATH };
  // mpirun would end its ranks; SIGUSR2 it passes on, and they stop after the step under way.
  return runInForeground(command, { env, as: ranks ? 'SIGUSR2' : undefined });
}

/** A command that is a script of lib/commands. */
const script = (name) => async (words) => {
  const { environment } = await ensure();
  return runInForeground([...watchedNode, fromRoot('lib', 'dist', 'commands', `${name}.js`), ...words], {
    env: environment,
  });
};

async function bench(words) {
  const own = words.includes('--help') || words.includes('-h') || process.env.FREEKD_REFERENCES;
  const { environment } = await ensure(own ? undefined : withReferences);
  const tsx = path.join(nodeModules, 'tsx', 'dist', 'cli.mjs');
  return runInForeground([...watchedNode, tsx, fromRoot('test', 'bench', 'index.ts'), ...words], { env: environment });
}

/** A command that is a script of setup/ in the Python environment. */
const python = (script) => async (words) => {
  needPython();
  const { environment } = await ensure();
  return runInForeground([...watchedPython, fromRoot('setup', script), ...words], { env: environment });
};

async function site(words) {
  const status = await python('site.py')(words);
  if (status !== 0 || words.includes('--help') || words.includes('-h')) return status;
  const { environment } = await ensure();
  return runInForeground([...watchedNode, fromRoot('setup', 'live.mjs'), ...words], { env: environment });
}

async function build() {
  await ensure(forBuild);
  console.log('lib/dist is up to date.');
  return 0;
}

async function lint(words) {
  await ensure(forLint);
  return runInForeground([
    ...watchedNode,
    path.join(nodeModules, 'eslint', 'bin', 'eslint.js'),
    ...(words.length > 0 ? words : ['.']),
  ]);
}

/** Loaded when asked for: the others need not read them. */
const start = async (words) => (await import('./start.mjs')).start(words);
const test = async (words) => (await import('./test.mjs')).test(words);
const testBrowser = async (words) => (await import('./test.mjs')).testBrowser(words);
const testMutations = async (words) => (await import('./test.mjs')).testMutations(words);
const testSanitize = async (words) => (await import('./sanitize.mjs')).testSanitize(words);
const bundle = async (words) => (await import('./bundle.mjs')).bundle(words);
const doctor = async () => (await import('./doctor.mjs')).doctor();

const commands = {
  setup,
  start,
  reproduce,
  data: script('data'),
  detect: script('detect'),
  export: script('export'),
  test,
  'test:browser': testBrowser,
  'test:mutations': testMutations,
  'test:sanitize': testSanitize,
  bundle,
  doctor,
  lint,
  build,
  bench,
  notebooks: python('notebooks.py'),
  site,
};

/** @param {string[]} words command and its arguments */
export async function main([name, ...words]) {
  try {
    if (!Object.hasOwn(commands, name ?? '')) {
      throw new SetupError(`There is no command "${name ?? ''}".`, `Commands: ${Object.keys(commands).join(', ')}.`);
    }
    process.exitCode = await commands[name](words);
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
