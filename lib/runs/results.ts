/** The JSON that every run leaves under `data/results/`, and the table made of many. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { writeAtomically } from '../core/atomic-file';
import type { StepRecord } from '../train/log';
import { tensorflowVersion } from '../core/environment';
import { gpuName } from '../core/gpu';
import { onGpu } from '../core/native';
import { tf } from '../tf';
import { world } from '../train/distributed/communicator';
import { checked } from '../core/schema';
import { compareVariants, lookOf, variantsIn, type VariantLook } from './looks';
import { resultSchema } from './result-schema';
import type { Variant } from './variants';

export const metricNames = ['AP', 'AP50', 'AP75', 'APs', 'APm', 'APl'] as const;
export type Metric = (typeof metricNames)[number];

export interface RunResult {
  format: 1;
  experiment: string;
  /** What the data is, in words. */
  data: string;
  variant: Variant;
  /** Of a loss of one's own, which is no row of the table. */
  look?: VariantLook;
  seed: number;
  /** Everything that decides the outcome. */
  config: unknown;
  /** Percent; -1 where the split has no such object. */
  metrics: Record<Metric, number>;
  perCategory: { name: string; ap: number }[];
  /** The teacher's metrics on the same pictures. */
  teacher: Record<Metric, number>;
  steps: number;
  millisecondsPerStep: number;
  /** SHA-256 of the trained student: equal where two runs ended with the same weights. */
  parameters?: string;
  /** About a hundred points of the log. */
  curve: StepRecord[];
  /**
   * ranks: processes that trained it together, where there were several; threads: of each; gpu: the
   * first, where TensorFlow computed on one.
   */
  machine: {
    cpu: string;
    gpu?: string;
    cores: number;
    threads: string;
    ranks?: number;
    memoryGB: number;
    platform: string;
  };
  versions: { node: string; tensorflow: string; tfjs: string };
  /** Commit of this repository, with "+" where files differ from it. */
  commit: string;
  date: string;
  command: string;
}

/** The commit of what this folder was unpacked from, where `npm run bundle` made it. */
function bundledCommit(root: string): string | undefined {
  try {
    return (JSON.parse(fs.readFileSync(path.join(root, '.runtime/bundle.json'), 'utf8')) as { commit: string }).commit;
  } catch {
    return undefined;
  }
}

/** The machine and versions of this process, which was started as `npm run` of `script`. */
export function provenance(
  root: string,
  script = 'reproduce',
): Pick<RunResult, 'machine' | 'versions' | 'commit' | 'date' | 'command'> {
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', ['-C', root, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    } catch {
      return '';
    }
  };
  const sources = [':(top)', ':(top,exclude)data/results']; // a result that a run of this commit wrote changes no run
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', ...sources) ? '+' : '';
  return {
    machine: {
      cpu: os.cpus()[0]?.model ?? 'unknown',
      ...(onGpu() && { gpu: gpuName() }),
      cores: os.cpus().length,
      threads: process.env.TF_NUM_INTRAOP_THREADS ?? 'default',
      ...(world().size > 1 && { ranks: world().size }),
      memoryGB: Math.round(os.totalmem() / 2 ** 30),
      platform: `${os.platform()} ${os.arch()}`,
    },
    versions: { node: process.version, tensorflow: tensorflowVersion(), tfjs: tf.version_core },
    commit: (git('rev-parse', '--short=12', 'HEAD') || bundledCommit(root) || 'unknown') + changed,
    date: new Date().toISOString(),
    command: [`npm run ${script} --`, ...process.argv.slice(2)].join(' '),
  };
}

/** Keeps about `points` records, the first and the last among them. */
export function thin(records: StepRecord[], points = 100): StepRecord[] {
  const stride = Math.max(1, Math.ceil(records.length / points));
  return records.filter((_, i) => i % stride === 0 || i === records.length - 1);
}

export function resultFile(folder: string, variant: Variant, seed: number): string {
  return path.join(folder, `${variant}-seed${seed}.json`);
}

export async function saveResult(folder: string, result: RunResult): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  await writeAtomically(resultFile(folder, result.variant, result.seed), async (file) =>
    file.writeFile(`${JSON.stringify(result, null, 1)}\n`),
  );
}

/**
 * Reads one result file.
 * @throws naming the file when it is no result
 */
export function readResult(file: string): RunResult {
  try {
    return checked(resultSchema, JSON.parse(fs.readFileSync(file, 'utf8')), '');
  } catch (error) {
    throw new Error(`${file} is not a result file (${(error as Error).message}): remove it and run its variant again`);
  }
}

/**
 * The result files of a folder, by variant in the order of tables, then by seed. One that is broken
 * is left out, with a warning that names it.
 */
export function readResults(folder: string): RunResult[] {
  if (!fs.existsSync(folder)) return [];
  const files = fs.readdirSync(folder).filter((name) => /^[a-z][a-z0-9-]*-seed\d+\.json$/.test(name));
  return files
    .flatMap((name) => {
      try {
        return [readResult(path.join(folder, name))];
      } catch (error) {
        process.emitWarning((error as Error).message);
        return [];
      }
    })
    .sort((a, b) => compareVariants(a.variant, b.variant) || a.seed - b.seed);
}

export interface Summary {
  variant: Variant;
  title: string;
  seeds: number[];
  mean: Record<Metric, number>;
  /** Sample deviation over seeds; NaN with one seed. */
  deviation: Record<Metric, number>;
  millisecondsPerStep: number;
}

/** Mean and sample deviation; the deviation of one value is NaN. */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    mean,
    deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)),
  };
}

/** Mean and deviation over seeds of each variant, by default all of them in the order of tables. */
export function summarise(results: RunResult[], order?: readonly Variant[]): Summary[] {
  const present = variantsIn(results);
  return (order ?? present.map(({ variant }) => variant)).flatMap((variant) => {
    const runs = results.filter((result) => result.variant === variant);
    if (!runs.length) return [];
    const mean = {} as Record<Metric, number>;
    const deviation = {} as Record<Metric, number>;
    for (const metric of metricNames) {
      const statistics = meanAndDeviation(runs.map(({ metrics }) => metrics[metric]));
      [mean[metric], deviation[metric]] = [statistics.mean, statistics.deviation];
    }
    const times = runs.map((run) => run.millisecondsPerStep).sort((a, b) => a - b);
    const seeds = runs.map(({ seed }) => seed);
    return [
      { variant, title: lookOf(runs[0]).title, seeds, mean, deviation, millisecondsPerStep: times[times.length >> 1] },
    ];
  });
}
