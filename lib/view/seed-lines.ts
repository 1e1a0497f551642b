/**
 * One choice varied: a line a seed over its values, since runs of one seed belong together, and the
 * mean of all; a menu picks the metric.
 */
import { metricNames, type Metric, type RunResult } from '../runs/results';
import { detectorColors, seedChannels, themed, type Chart } from './theme';

/** The runs at one value, a run a seed. */
export interface SeedValue {
  value: string;
  runs: readonly RunResult[];
}

/** Metrics that every run has. */
const shownMetrics = (values: readonly SeedValue[]): Metric[] =>
  metricNames.filter((metric) => values.every(({ runs }) => runs.every(({ metrics }) => metrics[metric] >= 0)));

/**
 * @param values in the order of the axis; their runs are matched by seed
 * @param options.axis what is varied
 * @param options.control what all are measured against, its mean a dashed line
 */
export function seedLines(
  values: readonly SeedValue[],
  { title, axis, control }: { title: string; axis: string; control?: { name: string; runs: readonly RunResult[] } },
): Chart {
  const against: SeedValue[] = control ? [{ value: control.name, runs: control.runs }] : [];
  const metrics = shownMetrics([...values, ...against]);
  const rows = (of: readonly SeedValue[]): object[] =>
    of.flatMap(({ value, runs }) =>
      runs.flatMap((run) => metrics.map((metric) => ({ value, seed: run.seed, metric, result: run.metrics[metric] }))),
    );
  const x = {
    field: 'value',
    type: 'nominal',
    sort: null,
    title: axis,
    axis: { labelAngle: 0, labelLimit: 200 },
    scale: { domain: values.map(({ value }) => value) },
  } as const;
  const { color, shape, strokeDash } = seedChannels(values.flatMap(({ runs }) => runs.map(({ seed }) => seed)));
  const scale = { zero: false, nice: true, padding: 8 } as const;
  const y = { type: 'quantitative', title: 'average precision (%)', scale, axis: { tickCount: 5 } } as const;
  const chosen = { filter: 'datum.metric === metric' };
  const averaged = { aggregate: [{ op: 'mean' as const, field: 'result', as: 'mean' }], groupby: ['value'] };
  return themed({
    title: control
      ? { text: title, subtitle: `a thin line a seed, thick: mean; dashed: ${control.name}, mean` }
      : { text: title, subtitle: 'a thin line a seed, thick: mean' },
    params: [{ name: 'metric', value: 'AP', bind: { input: 'select', options: metrics, name: 'metric ' } }],
    width: Math.max(320, 150 * values.length),
    height: 220,
    layer: [
      {
        data: { values: rows(values) },
        transform: [chosen],
        mark: { type: 'line', strokeWidth: 1.3, opacity: 0.8 },
        encoding: { x, y: { ...y, field: 'result' }, color, strokeDash },
      },
      {
        data: { values: rows(values) },
        transform: [chosen],
        mark: { type: 'point', size: 40, filled: true, opacity: 0.8 },
        encoding: {
          x,
          y: { ...y, field: 'result' },
          color,
          shape,
          tooltip: [
            { field: 'seed' },
            { field: 'value', title: axis },
            { field: 'result', title: 'percent', format: '.1f' },
          ],
        },
      },
      {
        data: { values: rows(values) },
        transform: [chosen, averaged],
        mark: {
          type: 'line',
          strokeWidth: 3,
          color: detectorColors.freekd,
          point: { size: 70, filled: true, color: detectorColors.freekd },
        },
        encoding: {
          x,
          y: { ...y, field: 'mean' },
          tooltip: [
            { field: 'value', title: axis },
            { field: 'mean', title: 'mean, percent', format: '.1f' },
          ],
        },
      },
      ...(against.length
        ? [
            {
              data: { values: rows(against) },
              transform: [chosen, averaged],
              mark: { type: 'rule' as const, strokeDash: [5, 4], strokeWidth: 1.8, color: detectorColors.mse },
              encoding: { y: { ...y, field: 'mean' } },
            },
          ]
        : []),
    ],
  });
}
