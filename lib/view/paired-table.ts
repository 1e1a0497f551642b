/**
 * Several data sets or settings in one table: AP of some variants, and the difference that is made
 * on equal seeds.
 */
import { detectorTitle, type DetectorConfig } from '../detection/families';
import { lookOf } from '../runs/looks';
import type { Variant } from '../runs/variants';
import { summarise, type RunResult } from '../runs/results';
import { DIFFERENCE_NOTE, differenceCells, differenceColumns, summariseDifference } from './differences';
import { percentText, pipeTable } from './text-table';

/**
 * One row a set of results: teacher, `shown` variants (mean ± sample deviation over seeds), and `a`
 * minus `b` seed by seed (see `differenceCells`). A variant that a set does not have shows "-".
 * @param sets results of one data set or setting each
 */
export function pairedTable(
  sets: readonly RunResult[][],
  shown: readonly Variant[],
  [a, b]: readonly [Variant, Variant],
): string {
  const titleOf = (variant: Variant): string =>
    lookOf(sets.flat().find((run) => run.variant === variant) ?? { variant }).title;
  const titles = shown.map(titleOf);
  const header = ['data', 'teacher', ...titles, `${titleOf(a)} − ${titleOf(b)}`, ...differenceColumns];
  const rows = sets.map((results) => {
    const cells = shown.map((variant) => {
      const [summary] = summarise([...results], [variant]);
      return summary ? percentText(summary.mean.AP, summary.deviation.AP) : '-';
    });
    const difference = differenceCells(summariseDifference(results, a, b));
    return [dataAndDetector(results[0]), percentText(results[0].teacher.AP), ...cells, ...difference];
  });
  return `COCO box AP in percent, mean ± deviation over seeds. ${DIFFERENCE_NOTE}\n\n${pipeTable(header, rows)}`;
}

/** The data, and the family of detectors where it is another one than RetinaNet. */
function dataAndDetector({ data, config }: RunResult): string {
  const model = (config as { student?: { model: DetectorConfig } }).student?.model;
  const title = detectorTitle(model ?? {});
  return title === detectorTitle({}) ? data : `${title}: ${data}`;
}
