/**
 * Differences on equal seeds as text: the mean with its 95 % interval, how many seeds agree, and
 * what that allows one to say.
 */
import { variantsIn } from '../runs/looks';
import { pairedBySeed, summarisePairs, verdictOf, type PairedSummary } from '../runs/paired';
import type { RunResult } from '../runs/results';
import type { Variant } from '../runs/variants';

/** How the cells below are to be read. */
export const DIFFERENCE_NOTE =
  'Differences: seed by seed, mean ± half the 95 % interval. An interval that contains 0 means: this could be chance.';

/** `a` minus `b` in AP over the seeds that both have; undefined where there is none. */
export function summariseDifference(results: readonly RunResult[], a: Variant, b: Variant): PairedSummary | undefined {
  const runsOf = (variant: Variant): RunResult[] => results.filter((run) => run.variant === variant);
  const pairs = pairedBySeed(runsOf(a), runsOf(b));
  return pairs.length ? summarisePairs(pairs) : undefined;
}

/** `digits` decimals: of AP two, since with one a narrow interval beside 0 reads as if it contained 0. */
export function intervalText({ mean, margin }: Pick<PairedSummary, 'mean' | 'margin'>, digits = 2): string {
  const signed = `${mean < 0 ? '−' : '+'}${Math.abs(mean).toFixed(digits)}`;
  return Number.isNaN(margin) ? signed : `${signed} ± ${margin.toFixed(digits)}`;
}

/** The columns after the name of a difference. */
export const differenceColumns = ['ahead', 'reading'] as const;

/** Difference, seeds ahead, reading; "-" where the two have no seed in common. */
export function differenceCells(summary: PairedSummary | undefined): [string, string, string] {
  if (!summary) return ['-', '-', '-'];
  return [intervalText(summary), `${summary.ahead} of ${summary.seeds}`, verdictOf(summary)];
}

/**
 * Every variant minus the control, feature MSE, or the student alone where that was not run;
 * undefined where there is nothing to compare.
 */
export function controlCells(results: readonly RunResult[]): { header: string[]; rows: string[][] } | undefined {
  const present = variantsIn(results);
  const named = (name: Variant) => present.find(({ variant }) => variant === name);
  const control = named('mse') ?? named('student');
  if (!control || present.length < 2) return undefined;
  const rows = present
    .filter(({ variant }) => variant !== control.variant)
    .map(({ variant, title }) => [
      title,
      ...differenceCells(summariseDifference(results, variant, control.variant)),
    ]);
  return { header: ['AP on equal seeds', `minus ${control.title}`, ...differenceColumns], rows };
}
