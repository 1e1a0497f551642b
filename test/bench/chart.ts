/** The recorded benchmark as a chart: a bar a comparison, its range over the rounds, and the target. */
import { detectorColors, TEXT_COLOR, themed, type Chart } from '../../lib/dist/view/theme';
import type { WorkResult } from './rounds';
import { ratioOf } from './table';

const WIDTH = 420;

/** Ratios are drawn on a logarithmic axis: half the time is as far from 1 as twice. */
export function benchChart(results: readonly WorkResult[]): Chart {
  const rows = results.flatMap(({ title, ours, references }) =>
    references.flatMap((reference) => {
      if (reference.target === undefined || ours.milliseconds.length === 0) return [];
      const { median, least, most } = ratioOf(ours.milliseconds, reference.milliseconds);
      return {
        work: `${title} / ${reference.name}`,
        ratio: median,
        least,
        most,
        target: reference.target,
        label: median.toFixed(2),
      };
    }),
  );
  const all = rows.flatMap(({ least, most, target }) => [least, most, target]);
  const scale = {
    type: 'log',
    domain: [Math.min(...all) / 1.3, Math.max(1, ...all) * 1.3] as number[],
    nice: false,
  } as const;
  const y = { field: 'work', type: 'nominal', sort: null, title: null, axis: { labelLimit: 700 } } as const;
  const x = (field: string) =>
    ({
      field,
      type: 'quantitative',
      scale,
      title: 'our time over theirs (log scale; left of the line is faster)',
      axis: { tickCount: 6, format: '~g', grid: false },
    }) as const;
  return themed({
    title: {
      text: 'Time against the reference',
      subtitle: 'dot: medians; bar: smallest to largest ratio of a round; tick: the target',
    },
    data: { values: rows },
    width: WIDTH,
    height: { step: 30 },
    layer: [
      {
        data: { values: [{}] },
        mark: { type: 'rule', color: TEXT_COLOR, opacity: 0.6 },
        encoding: { x: { datum: 1, type: 'quantitative', scale } },
      },
      {
        mark: { type: 'rule', color: detectorColors.freekd, opacity: 0.5, strokeWidth: 5 },
        encoding: { x: x('least'), x2: { field: 'most' }, y },
      },
      {
        mark: { type: 'point', filled: true, size: 90, opacity: 1, color: detectorColors.freekd },
        encoding: { x: x('ratio'), y },
      },
      { mark: { type: 'tick', thickness: 2, size: 20, color: TEXT_COLOR }, encoding: { x: x('target'), y } },
      {
        mark: { type: 'text', align: 'left', x: WIDTH + 10 },
        encoding: { y, text: { field: 'label', type: 'nominal' } },
      },
    ],
  });
}
