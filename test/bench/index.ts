/**
 * `npm run bench`: this project beside PyTorch and the reference tools on this machine. Each work
 * is prepared by two processes that stay, and they take turns, so that what else the machine does
 * meets both. Prints ratios of medians, and keeps one JSON file a work. Beside them, what has no
 * reference: the time of a fresh set-up, and whether memory stays where it is.
 */
import { Command, InvalidArgumentError } from 'commander';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { pipeTable, toPng } from 'freekd';
import { allowsTf32 } from '../../lib/dist/core/gpu';
import { onGpu } from '../../lib/dist/core/native';
import { provenance } from '../../lib/dist/runs/results';
import { terminalProgress } from '../../lib/dist/core/progress';
import { benchChart } from './chart';
import { readBench } from './results';
import { inputRate } from './input';
import { measure } from './rounds';
import { timeSetUp } from './set-up';
import { steadiness, STEADY_STEPS } from './steadiness';
import { aloneRows, benchRows } from './table';
import { works, type Work } from './works';

const root = resolve(__dirname, '../..');
const base = process.env.INIT_CWD ?? process.cwd();
const python = process.env.FREEKD_REFERENCES ?? join(root, '.runtime/references/bin/python');
const names = [...works.map(({ name }) => name), 'input', 'steadiness', 'set-up'];

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0.');
  return value;
}

const program = new Command('npm run bench --')
  .description(
    'Compares this project with PyTorch and the reference tools, side by ' +
      'side in one run. Nothing else should be running.',
  )
  .argument('[works...]', `of ${names.join(', ')} (default: all)`)
  .option('--rounds <n>', 'rounds, each with every side once', positive, 7)
  .option('--threads <n>', 'threads of each side', positive, availableParallelism())
  .option('--out <folder>', 'where the JSON files go', join(root, 'data/results/local/bench'))
  .showHelpAfterError('(--help lists the options)');
program.parse();
const { rounds, threads, out } = program.opts<{ rounds: number; threads: number; out: string }>();
const folder = resolve(base, out);
/** What the sides write while they run; removed at the end. */
const temporary = mkdtempSync(join(tmpdir(), 'freekd-bench-'));
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));

function chosen(): string[] {
  const unknown = program.args.find((name) => !names.includes(name));
  if (unknown) program.error(`error: there is no work "${unknown}"; there are ${names.join(', ')}`);
  return program.args.length > 0 ? names.filter((name) => program.args.includes(name)) : names;
}

function environment(): NodeJS.ProcessEnv {
  const n = String(threads);
  return {
    ...process.env,
    TMPDIR: temporary,
    FREEKD_BENCH_THREADS: n,
    FREEKD_BENCH_DEVICE: onGpu() ? 'gpu' : 'cpu',
    TF_NUM_INTRAOP_THREADS: n,
    TF_NUM_INTEROP_THREADS: n,
    OMP_NUM_THREADS: n,
    TF_CPP_MIN_LOG_LEVEL: '2',
  };
}

/** Of what is compared with, as pip names them. */
function referenceVersions(): string[] {
  const lines = execFileSync(python, ['-m', 'pip', 'list', '--format', 'freeze'], { encoding: 'utf8' })
    .trim()
    .split('\n');
  return lines.filter((line) =>
    /^(torch|torchvision|pytorch-wavelets|pycocotools|faster-coco-eval|numpy)==/i.test(line),
  );
}

function save(name: string, result: object): void {
  writeFileSync(
    join(folder, `${name}.json`),
    `${JSON.stringify({ ...result, ...provenance(root, 'bench') }, null, 1)}\n`,
  );
}

async function compare(work: Work, packages: string[]): Promise<void> {
  const progress = terminalProgress(work.title, rounds);
  const commands = {
    ours: [process.execPath, '--import', 'tsx', join(__dirname, 'side.ts'), work.name],
    references: work.references.map(({ task }) => [python, join(__dirname, 'python/side.py'), task]),
  };
  const result = await measure(work, commands, {
    rounds,
    environment: environment(),
    loosened: onGpu() && allowsTf32(process.env) ? 10 : 1,
    onRound: (done) => progress.update(done),
  });
  progress.stop();
  save(work.name, { ...result, rounds, threads, packages });
}

async function main(): Promise<void> {
  const list = chosen();
  mkdirSync(folder, { recursive: true });
  const packages = referenceVersions();
  for (const work of works) if (list.includes(work.name)) await compare(work, packages);
  if (list.includes('input')) {
    const progress = terminalProgress('input pipeline', 2);
    save('input', await inputRate((done) => progress.update(done)));
    progress.stop();
  }
  if (list.includes('steadiness')) {
    const progress = terminalProgress('memory over steps', STEADY_STEPS);
    save('steadiness', await steadiness(join(temporary, 'steadiness'), STEADY_STEPS, (done) => progress.update(done)));
    progress.stop();
  }
  if (list.includes('set-up')) {
    process.stderr.write('a fresh clone is set up and run; this takes minutes\n');
    save('set-up', await timeSetUp(root));
  }
  const found = readBench(folder, list);
  if (found.works.length)
    process.stdout.write(
      `\nRatios of medians, ours over the reference's (smallest to largest of a round); ` +
        `${threads} threads each.\n\n${pipeTable(...benchRows(found.works))}\n`,
    );
  const [header, rows] = aloneRows(found);
  if (rows.length) process.stdout.write(`\n${pipeTable(header, rows)}\n`);
  const all = readBench(folder).works; // of this run and those before it
  if (all.length) writeFileSync(join(folder, 'bench.png'), await toPng(benchChart(all), { background: '#ffffff' }));
  process.stdout.write(`\nfiles: ${relative(base, folder) || folder}\n`);
}

if (!existsSync(python))
  program.error(
    `error: the references are not installed: there is no ${python}; npm run bench installs them, ` +
      'or FREEKD_REFERENCES names a Python that has them',
  );
main().catch((error: Error) => program.error(`error: ${error.message}`));
