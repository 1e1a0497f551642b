/**
 * The league's table from its result files: each loss minus the control, feature MSE, seed by seed,
 * with the intervals of Student and of the bootstrap, and p values corrected for as many losses as
 * there are (Holm).
 */
import { bootstrapInterval, holm } from './inference';
import { variantsIn } from './looks';
import { pairedBySeed, summarisePairs, verdictOf, type PairedSummary, type Verdict } from './paired';
import { meanAndDeviation, type Metric, type RunResult } from './results';
import type { Variant } from './variants';

/** What a loss is compared with. */
export const leagueControl: Variant = 'mse';

/** The level at which a difference is called one. */
const LEVEL = 0.05;

export interface Standing {
  variant: Variant;
  title: string;
  seeds: number;
  /** Of the metric, percent. */
  mean: number;
  deviation: number;
  /** Loss minus control; of the control itself, or without a common seed, there is none. */
  against?: PairedSummary & {
    bootstrap: [low: number, high: number];
    /** p after Holm's correction; the student alone, which is no loss, has none. */
    adjusted?: number;
    /** From the adjusted p value, or for the student alone from Student's interval. */
    reading: Verdict;
  };
}

function readingOf({ mean }: PairedSummary, adjusted: number): Verdict {
  if (Number.isNaN(adjusted)) return 'one seed';
  if (adjusted >= LEVEL) return 'could be chance';
  return mean > 0 ? 'gain' : 'loss';
}

/** Every variant of the results, the highest mean first. */
export function standingsOf(results: readonly RunResult[], metric: Metric = 'AP'): Standing[] {
  const runsOf = (variant: Variant): RunResult[] => results.filter((run) => run.variant === variant);
  const control = runsOf(leagueControl);
  const standings = variantsIn(results).map(({ variant, title }): Standing => {
    const runs = runsOf(variant);
    const own = { variant, title, seeds: runs.length, ...meanAndDeviation(runs.map(({ metrics }) => metrics[metric])) };
    const pairs = variant === leagueControl ? [] : pairedBySeed(runs, control, metric);
    if (!pairs.length) return own;
    const summary = summarisePairs(pairs);
    const bootstrap = bootstrapInterval(pairs.map(({ difference }) => difference));
    return { ...own, against: { ...summary, bootstrap, reading: verdictOf(summary) } };
  });
  const compared = standings.flatMap(({ variant, against }) =>
    against && variant !== 'student' && against.seeds > 1 ? [against] : []);
  holm(compared.map(({ p }) => p)).forEach((adjusted, i) =>
    Object.assign(compared[i], { adjusted, reading: readingOf(compared[i], adjusted) }));
  return standings.sort((a, b) => b.mean - a.mean);
}
