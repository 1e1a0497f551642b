/**
 * Runs compared on equal seeds. Two runs of one seed share first weights and pictures in their
 * order, so that part of chance falls out of their difference; what is left of it is judged by
 * Student's t, since the deviation itself is an estimate from a few seeds.
 */
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

/** Student's t with 95 % between -t and t, for 1 to 19 degrees of freedom. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093,
];

export interface PairedSummary {
  mean: number;
  /** Sample deviation over seeds; NaN with one seed. */
  deviation: number;
  /**
   * Half the width of the 95 % interval of the mean, t s / sqrt(n); NaN with one seed, a little too
   * wide with more than 20.
   */
  margin: number;
  seeds: number;
  /** Seeds with a difference above 0. */
  ahead: number;
}

export function summarisePairs(pairs: readonly SeedDifference[]): PairedSummary {
  const differences = pairs.map(({ difference }) => difference);
  const { mean, deviation } = meanAndDeviation(differences);
  const seeds = differences.length;
  const margin = seeds < 2 ? NaN : (T95[Math.min(seeds - 1, T95.length) - 1] * deviation) / Math.sqrt(seeds);
  return { mean, deviation, margin, seeds, ahead: differences.filter((value) => value > 0).length };
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
