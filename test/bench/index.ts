/**
 * `npm run bench`: this project beside PyTorch and the reference tools on this machine. Each work is prepared by two processes that stay, and
 * they take turns, so that what else the machine does meets both. Prints ratios of medians, and keeps one JSON file a work.
 */
import { Command, InvalidArgumentError } from 'commander';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { pipeTable } from 'freekd';
import { provenance } from '../../lib/dist/experiments/results';
import { terminalProgress } from '../../lib/dist/train/progress';
import { measure, type WorkResult } from './rounds';
import { benchRows } from './table';
import { works, type Work } from './works';

const root = resolve(__dirname, '../..');
const base = process.env.INIT_CWD ?? process.cwd();
const python = join(root, '.runtime/references/bin/python');

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0.');
  return value;
}

const program = new Command('npm run bench --')
  .description('Compares this project with PyTorch and the reference tools, side by side in one run.')
  .argument('[works...]', `of ${works.map(({ name }) => name).join(', ')} (default: all)`)
  .option('--rounds <n>', 'rounds, each with every side once', positive, 7)
  .option('--threads <n>', 'threads of each side', positive, availableParallelism())
  .option('--out <folder>', 'where the JSON files go', join(root, 'data/results/local/bench'))
  .showHelpAfterError('(--help lists the options)');
program.parse();
const { rounds, threads, out } = program.opts<{ rounds: number; threads: number; out: string }>();

function chosen(): Work[] {
  const unknown = program.args.find((name) => !works.some((work) => work.name === name));
  if (unknown) program.error(`error: there is no work "${unknown}"; there are ${works.map(({ name }) => name).join(', ')}`);
  return program.args.length > 0 ? works.filter(({ name }) => program.args.includes(name)) : works;
}

function environment(): NodeJS.ProcessEnv {
  const n = String(threads);
  return { ...process.env, FREEKD_BENCH_THREADS: n, TF_NUM_INTRAOP_THREADS: n, TF_NUM_INTEROP_THREADS: n, OMP_NUM_THREADS: n, TF_CPP_MIN_LOG_LEVEL: '2' };
}

/** Of what is compared with, as pip names them. */
function referenceVersions(): string[] {
  const lines = execFileSync(python, ['-m', 'pip', 'list', '--format', 'freeze'], { encoding: 'utf8' }).trim().split('\n');
  return lines.filter((line) => /^(torch|torchvision|pytorch-wavelets|pycocotools|faster-coco-eval|numpy)==/i.test(line));
}

async function main(): Promise<void> {
  const list = chosen();
  const folder = resolve(base, out);
  mkdirSync(folder, { recursive: true });
  const packages = referenceVersions();
  const results: WorkResult[] = [];
  for (const work of list) {
    const progress = terminalProgress(work.title, rounds);
    const commands = {
      ours: [process.execPath, '--import', 'tsx', join(__dirname, 'side.ts'), work.name],
      references: work.references.map(({ task }) => [python, join(__dirname, 'python/side.py'), task]),
    };
    const result = await measure(work, commands, { rounds, environment: environment(), onRound: (done) => progress.update(done) });
    progress.stop();
    writeFileSync(join(folder, `${work.name}.json`), `${JSON.stringify({ ...result, rounds, threads, packages, ...provenance(root) }, null, 1)}\n`);
    results.push(result);
  }
  process.stdout.write(`\nRatios of medians over ${rounds} rounds, ours over the reference's (smallest to largest of a round); ${threads} threads each.\n\n`);
  process.stdout.write(`${pipeTable(...benchRows(results))}\n\nfiles: ${relative(base, folder) || folder}\n`);
}

if (!existsSync(python)) program.error('error: the references are not installed; npm run bench installs them');
main().catch((error: Error) => program.error(`error: ${error.message}`));
