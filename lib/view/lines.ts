/** Lines over a common x, in one panel or several. */
import { LINE_SYMBOL, lookAt, seriesChannels, themed, type Chart } from './theme';

export interface LinePoint {
  series: string;
  x: number;
  y: number;
  /** Points of different panels are drawn in charts of their own, side by side. */
  panel?: string;
}

export interface LineChartOptions {
  title: string;
  /** Axis titles, with their units. */
  x: string;
  y: string;
  /** Of the y axis, as d3-format's. Default `~r`. */
  format?: string;
  colors: Record<string, string>;
}

/** One line a series; where there are panels, each has its own y axis. */
export function lineChart(
  points: readonly LinePoint[],
  { title, x, y, format = '~r', colors }: LineChartOptions,
): Chart {
  const panels = [...new Set(points.map(({ panel }) => panel ?? ''))];
  const series = [...new Set(points.map((point) => point.series))];
  const missing = series.find((name) => !(name in colors));
  if (missing !== undefined) throw new Error(`lineChart: there is no colour for "${missing}"`);
  const { color, strokeDash } = seriesChannels(
    'series',
    series,
    series.map((name, i) => lookAt(i, colors[name])),
    { legend: series.length > 1 ? ({ orient: 'top', ...LINE_SYMBOL } as const) : null },
  );
  const charts = panels.map((panel) => ({
    ...(panel && { title: { text: panel, anchor: 'middle' as const, fontSize: 13 } }),
    data: { values: points.filter((point) => (point.panel ?? '') === panel) },
    width: [480, 480, 300, 230][panels.length] ?? 180,
    height: 200,
    mark: { type: 'line' as const, strokeWidth: 2.2 },
    encoding: {
      x: { field: 'x', type: 'quantitative' as const, title: x, axis: { grid: false, tickCount: 5 } },
      y: { field: 'y', type: 'quantitative' as const, title: y, axis: { format, tickCount: 5 }, scale: { zero: true } },
      color,
      strokeDash,
      tooltip: [{ field: 'series' }, { field: 'x', title: x }, { field: 'y', title: y, format }],
    },
  }));
  return themed({ title, hconcat: charts, spacing: 40 });
}
