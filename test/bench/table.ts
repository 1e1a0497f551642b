/** Benchmark results as a table: a row a reference. */
import { median, type WorkResult } from './rounds';

const time = (milliseconds: number): string => (milliseconds < 10_000 ? `${milliseconds.toPrecision(3)} ms` : `${(milliseconds / 1000).toFixed(1)} s`);

export interface Ratio {
  median: number;
  least: number;
  most: number;
}

/** Ours over the reference's: of the medians, and of each round. */
export function ratioOf(ours: readonly number[], reference: readonly number[]): Ratio {
  const each = ours.map((value, i) => value / reference[i]);
  return { median: median(ours) / median(reference), least: Math.min(...each), most: Math.max(...each) };
}

/** Header and rows for `pipeTable`. */
export function benchRows(results: readonly WorkResult[]): [string[], string[][]] {
  const rows = results.flatMap(({ title, ours, references }) =>
    references.flatMap((reference) => {
      const { median: middle, least, most } = ratioOf(ours.milliseconds, reference.milliseconds);
      const row = [title, reference.name, time(median(ours.milliseconds)), time(median(reference.milliseconds)), `${middle.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`, `≤ ${reference.target}`];
      if (reference.memoryTarget === undefined || reference.peakBytes <= 0) return [row];
      const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
      return [row, [`${title}: peak memory`, reference.name, megabytes(ours.peakBytes), megabytes(reference.peakBytes), (ours.peakBytes / reference.peakBytes).toFixed(2), `≤ ${reference.memoryTarget}`]];
    }),
  );
  return [['work', 'reference', 'ours', 'reference’s', 'ratio', 'target'], rows];
}
