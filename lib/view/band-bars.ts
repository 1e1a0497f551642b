/** Numbers by frequency band, as bars: one group a band, one colour a series. */
import { lookAt, seriesChannels, themed, type Chart } from './theme';

const LOG_TICKS = Array.from({ length: 13 }, (_, i) => 10 ** (i - 9)); // 1e-9 to 1e3

export interface BandSeries {
  name: string;
  /** One a band, in the order of `names`. */
  values: readonly number[];
  color: string;
}

/**
 * @param names of the bands, as `bandNames` gives
 * @param options.axis what the values are, with their unit; options.format of the tooltip and axis,
 *   as d3-format's; options.log for a logarithmic axis
 */
export function bandBars(
  names: readonly string[],
  series: readonly BandSeries[],
  { title, axis, format = '.3~g', log = false }: { title: string; axis: string; format?: string; log?: boolean },
): Chart {
  for (const { name, values } of series)
    if (values.length !== names.length)
      throw new Error(`bandBars: "${name}" has ${values.length} values for ${names.length} bands`);
  const values = series.flatMap(({ name, values: all }) =>
    all.map((value, i) => ({ band: names[i], series: name, value })),
  );
  const { color, shape } = seriesChannels(
    'series',
    series.map(({ name }) => name),
    series.map((one, i) => lookAt(i, one.color)),
    { legend: series.length > 1 ? ({ orient: 'top' } as const) : null },
  );
  return themed({
    title,
    data: { values: values.filter(({ value }) => !log || value > 0) },
    width: { step: Math.max(14, 44 / series.length) },
    height: 220,
    mark: log ? { type: 'point', filled: true, size: 70, opacity: 0.95 } : { type: 'bar', cornerRadiusEnd: 2 },
    encoding: {
      x: {
        field: 'band',
        type: 'nominal',
        sort: [...names],
        title: 'frequency band, coarse to fine',
        axis: { labelAngle: 0 },
      },
      ...(log || series.length === 1
        ? {}
        : { xOffset: { field: 'series', type: 'nominal', sort: series.map(({ name }) => name) } }),
      y: {
        field: 'value',
        type: 'quantitative',
        title: axis,
        axis: { format, ...(log ? { values: LOG_TICKS } : { tickCount: 5 }) },
        scale: log ? { type: 'log' } : { zero: true },
      },
      color,
      ...(log ? { shape } : {}),
      tooltip: [{ field: 'band' }, { field: 'series' }, { field: 'value', type: 'quantitative', format }],
    },
  });
}
