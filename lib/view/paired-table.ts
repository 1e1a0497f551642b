/** Several data sets or settings in one table: AP of some variants, and the difference that is made on equal seeds. */
import { variantTitles, type Variant } from '../experiments/experiment';
import type { RunResult } from '../experiments/results';
import { percentText, pipeTable } from './text-table';

function statistics(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) };
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;

/** The differences a - b of AP, seed by seed, over the seeds that both have. */
export function pairedDifferences(results: readonly RunResult[], a: Variant, b: Variant): number[] {
  const apOf = (variant: Variant): Map<number, number> => new Map(results.filter((run) => run.variant === variant).map(({ seed, metrics }) => [seed, metrics.AP]));
  const [first, second] = [apOf(a), apOf(b)];
  return [...first].flatMap(([seed, ap]) => (second.has(seed) ? [ap - second.get(seed)!] : []));
}

/**
 * One row a set of results: teacher, `shown` variants (mean ± sample deviation over seeds), and `a` minus `b`, mean ± sample deviation over
 * the seeds, with the seeds at which it is positive. A variant that a set does not have shows "-".
 * @param sets results of one data set or setting each
 */
export function pairedTable(sets: readonly RunResult[][], shown: readonly Variant[], [a, b]: readonly [Variant, Variant]): string {
  const header = ['data', 'teacher', ...shown.map((variant) => variantTitles[variant]), `${variantTitles[a]} − ${variantTitles[b]}`, 'ahead'];
  const rows = sets.map((results) => {
    const cells = shown.map((variant) => {
      const values = results.filter((run) => run.variant === variant).map(({ metrics }) => metrics.AP);
      const { mean, deviation } = statistics(values);
      return values.length ? percentText(mean, deviation) : '-';
    });
    const differences = pairedDifferences(results, a, b);
    const { mean, deviation } = statistics(differences);
    const ahead = `${differences.filter((value) => value > 0).length} of ${differences.length}`;
    const difference = Number.isNaN(deviation) ? signed(mean) : `${signed(mean)} ± ${deviation.toFixed(1)}`;
    return [results[0].data, percentText(results[0].teacher.AP), ...cells, differences.length ? difference : '-', differences.length ? ahead : '-'];
  });
  return `COCO box AP in percent\n\n${pipeTable(header, rows)}`;
}
