/**
 * Differences seed by seed, a row a comparison: a dot a seed, the mean as a tick, the 95 % interval
 * of the mean as a bar, zero as a line.
 */
import { summarisePairs, type SeedDifference } from '../runs/paired';
import { seedChannels, TEXT_COLOR, themed, type Chart } from './theme';

export interface Comparison {
  name: string;
  pairs: readonly SeedDifference[];
}

/**
 * @param options.axis what is subtracted from what, with its unit
 * @param options.color of means and intervals
 */
export function pairedDots(
  comparisons: readonly Comparison[],
  { title, axis, color }: { title: string; axis: string; color: string },
): Chart {
  const dots = comparisons.flatMap(({ name, pairs }) =>
    pairs.map(({ seed, difference }) => ({ name, seed, difference })),
  );
  const means = comparisons.map(({ name, pairs }) => {
    const { mean, margin } = summarisePairs(pairs);
    return { name, mean, ...(Number.isNaN(margin) ? {} : { low: mean - margin, high: mean + margin }) };
  });
  const { color: seedColor, shape } = seedChannels(dots.map(({ seed }) => seed));
  const y = { field: 'name', type: 'nominal', title: null, sort: comparisons.map(({ name }) => name) } as const;
  const x = { type: 'quantitative', title: axis, axis: { tickCount: 8 } } as const;
  return themed({
    title: { text: title, subtitle: 'a dot a seed; tick: mean; bar: 95 % interval of the mean' },
    width: 460,
    height: { step: 26 },
    layer: [
      {
        data: { values: means },
        mark: { type: 'bar', height: 12, opacity: 0.25, color, cornerRadius: 2 },
        encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y },
      },
      {
        data: { values: [{}] },
        mark: { type: 'rule', color: TEXT_COLOR, strokeWidth: 1.5 },
        encoding: { x: { ...x, datum: 0 } },
      },
      {
        data: { values: means },
        mark: { type: 'tick', thickness: 3, size: 18, color, tooltip: true },
        encoding: { x: { ...x, field: 'mean' }, y },
      },
      {
        data: { values: dots },
        mark: { type: 'point', filled: true, size: 46, opacity: 0.9, tooltip: true },
        encoding: { x: { ...x, field: 'difference' }, y, color: seedColor, shape },
      },
    ],
  });
}
