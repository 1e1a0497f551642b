/**
 * Several data sets or settings in one table: AP of some variants, and the difference that is made
 * on equal seeds.
 */
import { variantTitles, type Variant } from '../experiments/experiment';
import { pairedBySeed } from '../experiments/paired';
import { meanAndDeviation, summarise, type RunResult } from '../experiments/results';
import { percentText, pipeTable } from './text-table';

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;

/** The differences a - b of AP, seed by seed, over the seeds that both have. */
export function pairedDifferences(results: readonly RunResult[], a: Variant, b: Variant): number[] {
  const runsOf = (variant: Variant): RunResult[] => results.filter((run) => run.variant === variant);
  return pairedBySeed(runsOf(a), runsOf(b)).map(({ difference }) => difference);
}

/**
 * One row a set of results: teacher, `shown` variants (mean ± sample deviation over seeds), and `a`
 * minus `b`, mean ± sample deviation over the seeds, with the seeds at which it is positive. A
 * variant that a set does not have shows "-".
 * @param sets results of one data set or setting each
 */
export function pairedTable(
  sets: readonly RunResult[][],
  shown: readonly Variant[],
  [a, b]: readonly [Variant, Variant],
): string {
  const header = [
    'data',
    'teacher',
    ...shown.map((variant) => variantTitles[variant]),
    `${variantTitles[a]} − ${variantTitles[b]}`,
    'ahead',
  ];
  const rows = sets.map((results) => {
    const cells = shown.map((variant) => {
      const [summary] = summarise([...results], [variant]);
      return summary ? percentText(summary.mean.AP, summary.deviation.AP) : '-';
    });
    const differences = pairedDifferences(results, a, b);
    const { mean, deviation } = meanAndDeviation(differences);
    const ahead = `${differences.filter((value) => value > 0).length} of ${differences.length}`;
    const difference = Number.isNaN(deviation) ? signed(mean) : `${signed(mean)} ± ${deviation.toFixed(1)}`;
    return [
      results[0].data,
      percentText(results[0].teacher.AP),
      ...cells,
      differences.length ? difference : '-',
      differences.length ? ahead : '-',
    ];
  });
  return `COCO box AP in percent\n\n${pipeTable(header, rows)}`;
}
