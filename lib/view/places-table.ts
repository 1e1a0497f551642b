/**
 * One difference in several places (data sets, settings, families of detectors), whose p values are
 * corrected together by Holm's method: of many places one is soon clear of 0 by luck.
 */
import { detectorTitle, type DetectorConfig } from '../detection/families';
import { holm } from '../runs/inference';
import { pairedBySeed, summarisePairs, verdictOf, type PairedSummary, type SeedDifference } from '../runs/paired';
import type { RunResult } from '../runs/results';
import type { Variant } from '../runs/variants';
import { intervalText } from './differences';
import { probability } from './league-table';
import { pipeTable } from './text-table';

/** A place by its results. */
export interface Place {
  name: string;
  pairs: SeedDifference[];
}

/** `a` minus `b` in AP of each set of results that has both, named by data and detector. */
export function placesOf(sets: readonly RunResult[][], a: Variant, b: Variant): Place[] {
  return sets.flatMap((results) => {
    const runsOf = (variant: Variant): RunResult[] => results.filter((run) => run.variant === variant);
    const pairs = pairedBySeed(runsOf(a), runsOf(b));
    return pairs.length ? [{ name: nameOf(results[0]), pairs }] : [];
  });
}

/** The data without what stands in brackets, and the family of detectors where it is not RetinaNet. */
function nameOf({ data, config }: RunResult): string {
  const model = (config as { student?: { model: DetectorConfig } }).student?.model;
  const title = detectorTitle(model ?? {});
  const what = data.replace(/ \(.*\)$/, '');
  return title === detectorTitle({}) ? what : `${what}, ${title}`;
}

/**
 * A row a place: the difference with Student's interval, p, Holm's p, and readings before and
 * after.
 */
export function placesTable(places: readonly Place[]): string {
  const summaries = places.map(({ pairs }) => summarisePairs(pairs));
  const adjusted = holm(summaries.map(({ p }) => p));
  const after = ({ mean }: PairedSummary, p: number): string =>
    p >= 0.05 ? 'could be chance' : mean > 0 ? 'gain' : 'loss';
  const rows = places.map(({ name }, i) => {
    const summary = summaries[i];
    const { ahead, seeds, p } = summary;
    return [
      name,
      intervalText(summary),
      `${ahead} of ${seeds}`,
      probability(p),
      verdictOf(summary),
      probability(adjusted[i]),
      after(summary, adjusted[i]),
    ];
  });
  return pipeTable(['place', 'difference', 'ahead', 'p', 'alone', "p, Holm's", 'together'], rows);
}
