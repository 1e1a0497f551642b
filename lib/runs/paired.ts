/**
 * Runs compared on equal seeds. Two runs of one seed share first weights and pictures in their
 * order, so that part of chance falls out of their difference; what is left of it is judged by
 * Student's t, since the deviation itself is an estimate from a few seeds.
 */
import { quantileT, withinT } from './inference';
import { meanAndDeviation, type Metric, type RunResult } from './results';

export interface SeedDifference {
  seed: number;
  /** In points of the metric. */
  difference: number;
}

/**
 * `runs` minus `against`, each of one variant, over the seeds that both have, in the order of
 * `runs`.
 */
export function pairedBySeed(
  runs: readonly RunResult[],
  against: readonly RunResult[],
  metric: Metric = 'AP',
): SeedDifference[] {
  const other = new Map(against.map(({ seed, metrics }) => [seed, metrics[metric]]));
  return runs.flatMap(({ seed, metrics }) =>
    other.has(seed) ? [{ seed, difference: metrics[metric] - other.get(seed)! }] : [],
  );
}

export interface PairedSummary {
  mean: number;
  /** Sample deviation over seeds; NaN with one seed. */
  deviation: number;
  /** Half the width of the 95 % interval of the mean, t s / sqrt(n); NaN with one seed. */
  margin: number;
  /** Of Student's t test that the mean is 0, both sides; NaN with one seed. */
  p: number;
  seeds: number;
  /** Seeds with a difference above 0. */
  ahead: number;
}

export function summarisePairs(pairs: readonly SeedDifference[]): PairedSummary {
  const differences = pairs.map(({ difference }) => difference);
  const { mean, deviation } = meanAndDeviation(differences);
  const seeds = differences.length;
  const error = deviation / Math.sqrt(seeds);
  const margin = seeds < 2 ? NaN : quantileT(0.95, seeds - 1) * error;
  const p = seeds < 2 ? NaN : mean === 0 ? 1 : 1 - withinT(Math.abs(mean) / error, seeds - 1);
  return { mean, deviation, margin, p, seeds, ahead: differences.filter((value) => value > 0).length };
}

export type Verdict = 'gain' | 'loss' | 'could be chance' | 'one seed';

/**
 * The one rule of reading a difference, in tables, reports and notebooks alike: where its 95 %
 * interval contains 0 it could be chance, and is called neither a gain nor a loss. One seed has no
 * interval.
 */
export function verdictOf({ mean, margin }: Pick<PairedSummary, 'mean' | 'margin'>): Verdict {
  if (Number.isNaN(margin)) return 'one seed';
  if (Math.abs(mean) <= margin) return 'could be chance';
  return mean > 0 ? 'gain' : 'loss';
}
