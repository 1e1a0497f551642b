/** Benchmark results as tables: a row a reference, and what has none. */
import type { BenchResults } from './results';
import { median, type WorkResult } from './rounds';
import { afterWarmUp, WARM_UP } from './steadiness';

const time = (milliseconds: number): string =>
  milliseconds < 999.5 ? `${milliseconds.toPrecision(3)} ms` : `${(milliseconds / 1000).toPrecision(3)} s`;

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;

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
      const { target, memoryTarget } = reference;
      const own: string[][] = [];
      if (target !== undefined && ours.milliseconds.length > 0) {
        const { median: middle, least, most } = ratioOf(ours.milliseconds, reference.milliseconds);
        own.push([
          title,
          reference.name,
          time(median(ours.milliseconds)),
          time(median(reference.milliseconds)),
          `${middle.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`,
          `≤ ${target}`,
        ]);
      }
      if (memoryTarget !== undefined && reference.peakBytes > 0)
        own.push([
          `${title}: peak memory`,
          reference.name,
          megabytes(ours.peakBytes),
          megabytes(reference.peakBytes),
          (ours.peakBytes / reference.peakBytes).toFixed(2),
          `≤ ${memoryTarget}`,
        ]);
      return own;
    }),
  );
  return [['work', 'reference', 'ours', 'reference’s', 'ratio', 'target'], rows];
}

/** Header and rows of what is measured alone. */
export function aloneRows({
  input,
  steadiness,
  setUp,
}: Pick<BenchResults, 'input' | 'steadiness' | 'setUp'>): [string[], string[][]] {
  const rows: string[][] = [];
  for (const { workers, imagesPerSecond, cpuMillisecondsPerImage, waits } of input?.runs ?? []) {
    const threads = `${workers} thread${workers > 1 ? 's' : ''}`;
    const needed = (1000 * input!.batch) / input!.blockedMilliseconds;
    rows.push([
      `input at 1333x800, pictures of coco128, ${threads}`,
      `${imagesPerSecond.toFixed(1)} images/s, ${cpuMillisecondsPerImage.toFixed(0)} ms of processor each`,
      `≥ ${needed.toFixed(1)} images/s`,
    ]);
    rows.push([
      `wait for a batch of ${input!.batch} after a step that blocks for ` +
        `${input!.blockedMilliseconds} ms, ${threads}: median, most`,
      `${time(median(waits))}, ${time(Math.max(...waits))}`,
      '-',
    ]);
  }
  if (steadiness) {
    const { tensors, residentBytes } = afterWarmUp(steadiness);
    const last = steadiness.steps[steadiness.steps.length - 1];
    const row = (
      title: string,
      { first, last: end, most }: typeof tensors,
      text: (value: number) => string,
    ): string[] => [
      `${title} at step ${WARM_UP}, at step ${last}, and at the most between`,
      `${text(first)}, ${text(end)}, ${text(most)}`,
      'the same',
    ];
    rows.push(row('tensors', tensors, String), row('resident memory', residentBytes, megabytes));
  }
  if (setUp) {
    const { setUpSeconds, smokeSeconds } = setUp;
    const total = setUpSeconds + smokeSeconds;
    rows.push([
      'set-up of a fresh clone with warm package caches, then --smoke',
      `${setUpSeconds.toFixed(0)} s + ${smokeSeconds.toFixed(0)} s = ${(total / 60).toFixed(1)} min`,
      '≤ 4 min',
    ]);
  }
  return [['work', 'measured', 'target'], rows];
}
