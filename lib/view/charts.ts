/** Charts of result files, as Vega-Lite 5 specs. Every AP is COCO box AP in percent. */
import { lookOf, variantsIn } from '../runs/looks';
import { summarise, type Metric, type RunResult } from '../runs/results';
import { percentText } from './text-table';
import { detectorColors, detectorLook, LINE_SYMBOL, seriesChannels, themed, type Chart } from './theme';

/** What a metric is called where its name alone would be cryptic. */
const metricTitles: Record<Metric, string> = {
  AP: 'AP',
  AP50: 'AP at IoU 0.50',
  AP75: 'AP at IoU 0.75',
  APs: 'small objects',
  APm: 'medium objects',
  APl: 'large objects',
};

/** What tells the variants of `results` apart in a chart whose rows have a field `detector`. */
function variantChannels(results: RunResult[], symbol: object = {}) {
  const present = variantsIn(results);
  return seriesChannels(
    'detector',
    present.map(({ title }) => title),
    present.map(({ variant, ...look }) => detectorLook(variant, look)),
    { legend: { orient: 'top', columns: 3, ...symbol } } as const,
  );
}

/**
 * Bars of one or more metrics side by side: the mean over seeds, a dot a seed, the teacher on top.
 * A metric that the data cannot have (no small objects, say) is left out.
 */
export function metricBars(
  results: RunResult[],
  teacher: RunResult['metrics'],
  metrics: Metric[],
  title: string,
): Chart {
  const present = variantsIn(results);
  const titles = ['teacher', ...present.map(({ title }) => title)];
  const colors = [detectorColors.teacher, ...present.map(({ color }) => color)];
  const bars = metrics
    .filter((metric) => teacher[metric] >= 0)
    .flatMap((metric) => {
      const group = metricTitles[metric];
      const students = summarise(results).map(({ variant, title: detector, seeds, mean, deviation }) => {
        const runs = results
          .filter((result) => result.variant === variant)
          .map((result) => Math.max(0, result.metrics[metric]));
        return {
          metric: group,
          detector,
          mean: Math.max(0, mean[metric]),
          label: percentText(mean[metric], deviation[metric]),
          end: Math.max(...runs),
          seeds: seeds.length > 1 ? runs : [],
        };
      });
      return [
        {
          metric: group,
          detector: 'teacher',
          mean: teacher[metric],
          label: percentText(teacher[metric]),
          end: teacher[metric],
          seeds: [],
        },
        ...students,
      ];
    });
  const width = 200;
  const labelShare = (label: string): number => (8 + 6.5 * label.length) / width; // of the panel, behind the bar
  const top = Math.max(1, ...bars.map(({ end, label }) => end / (1 - labelShare(label))));
  const y = { field: 'detector', type: 'nominal', sort: titles, title: null } as const;
  const scale = { domain: [0, top], nice: false };
  return themed({
    title,
    data: { values: bars },
    facet: {
      column: { field: 'metric', type: 'nominal', title: null, sort: metrics.map((metric) => metricTitles[metric]) },
    },
    spacing: 24,
    spec: {
      width,
      height: { step: 26 },
      layer: [
        {
          mark: { type: 'bar', height: { band: 0.72 }, cornerRadiusEnd: 2, tooltip: true },
          encoding: {
            x: { field: 'mean', type: 'quantitative', title: 'AP (%)', scale, axis: { tickCount: 4, grid: false } },
            color: { field: 'detector', type: 'nominal', scale: { domain: titles, range: colors }, legend: null },
          },
        },
        {
          transform: [{ flatten: ['seeds'], as: ['seed'] }],
          mark: { type: 'point', filled: true, fill: 'white', stroke: '#555', strokeWidth: 1, size: 26, opacity: 0.9 },
          encoding: { x: { field: 'seed', type: 'quantitative' } },
        },
        {
          mark: { type: 'text', align: 'left', dx: 8 },
          encoding: { x: { field: 'end', type: 'quantitative' }, text: { field: 'label', type: 'nominal' } },
        },
      ],
      encoding: { y },
    },
  });
}

/** AP, AP50 and AP75 of every detector. */
export function apBars(results: RunResult[], teacher: RunResult['metrics'], title = 'Average precision'): Chart {
  return metricBars(results, teacher, ['AP', 'AP50', 'AP75'], title);
}

/** AP of small, medium and large objects. */
export function sizeBars(
  results: RunResult[],
  teacher: RunResult['metrics'],
  title = 'Average precision by object size',
): Chart {
  return metricBars(results, teacher, ['APs', 'APm', 'APl'], title);
}

/** AP of every category, a dot a variant (mean over seeds), best categories first. */
export function categoryDots(results: RunResult[], title = 'Average precision by category'): Chart {
  const { color, shape } = variantChannels(results);
  const values = results.flatMap((result) =>
    result.perCategory
      .filter(({ ap }) => ap >= 0)
      .map(({ name, ap }) => ({ detector: lookOf(result).title, seed: result.seed, category: name, ap })),
  );
  const y = {
    field: 'category',
    type: 'nominal',
    title: null,
    sort: { field: 'ap', op: 'mean', order: 'descending' },
  } as const;
  return themed({
    title,
    data: { values },
    transform: [{ aggregate: [{ op: 'mean', field: 'ap', as: 'ap' }], groupby: ['detector', 'category'] }],
    width: 520,
    height: { step: 24 },
    layer: [
      {
        mark: { type: 'rule', opacity: 0.35, strokeWidth: 1.5, color: detectorColors.teacher },
        encoding: {
          x: { aggregate: 'min', field: 'ap', type: 'quantitative' },
          x2: { aggregate: 'max', field: 'ap' },
          y,
        },
      },
      {
        mark: { type: 'point', filled: true, size: 80, opacity: 0.95, tooltip: true },
        encoding: {
          x: { field: 'ap', type: 'quantitative', title: 'AP (%), mean over seeds', scale: { zero: true } },
          y,
          color,
          shape,
        },
      },
    ],
  });
}

const TASK = 'task loss (classification + box)';

/**
 * Round values between two on a logarithmic axis: 1, 2, 5 a decade, or more where that gives fewer
 * than three.
 */
export function logTicks(low: number, high: number): number[] {
  const decades = Array.from({ length: 24 }, (_, i) => 10 ** (i - 12));
  const within = (digits: number[]): number[] =>
    decades
      .flatMap((decade) => digits.map((digit) => Number((digit * decade).toPrecision(3))))
      .filter((tick) => tick >= low && tick <= high);
  const choices = [
    [1],
    [1, 3],
    [1, 2, 5],
    [1, 1.5, 2, 3, 4, 5, 7],
    [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9],
  ].map(within);
  return choices.find((ticks) => ticks.length >= 3) ?? choices[choices.length - 1];
}

type Panel = Extract<Chart, { concat: unknown }>['concat'][number];

interface LossPoint {
  detector: string;
  seed: number;
  step: number;
  part: string;
  value: number;
}

function lossPoints(result: RunResult): LossPoint[] {
  const { seed, curve } = result;
  return curve.flatMap(({ step, losses }) => {
    const { loss, classification = 0, box = 0, ...parts } = losses;
    const task = 'classification' in losses ? classification + box : loss;
    return Object.entries({ [TASK]: task, ...parts })
      .filter(([, value]) => value > 0)
      .map(([part, value]) => ({ detector: lookOf(result).title, seed, step, part, value }));
  });
}

/**
 * Losses against the step: the task's own, and each distillation loss unweighted, a panel each.
 * Faint: single steps of each seed; strong: running mean over neighbouring records and seeds.
 */
export function lossCurves(results: RunResult[], title = 'Losses in training'): Chart {
  const { color, strokeDash } = variantChannels(results, LINE_SYMBOL);
  const points = results.flatMap(lossPoints);
  const parts = [...new Set(points.map(({ part }) => part))];
  const panels = parts.map((part): Panel => {
    const own = points.filter((point) => point.part === part);
    const [low, high] = own.reduce(
      ([least, most], { value }) => [Math.min(least, value), Math.max(most, value)],
      [Infinity, 0],
    );
    const x = {
      field: 'step',
      type: 'quantitative',
      title: 'training step',
      axis: { grid: false, tickCount: 5 },
    } as const;
    const y = {
      type: 'quantitative',
      title: 'loss (log scale)',
      scale: { type: 'log', nice: false, domain: [low * 0.97, high * 1.03] as number[] },
      axis: { values: logTicks(low, high), format: '~g', minExtent: 36 },
    } as const;
    return {
      title: { text: part, anchor: 'middle', fontSize: 13 },
      width: 400,
      height: 200,
      transform: [{ filter: { field: 'part', equal: part } }],
      layer: [
        {
          mark: { type: 'line', strokeWidth: 1, opacity: 0.2 },
          encoding: { x, y: { ...y, field: 'value' }, color, detail: { field: 'seed', type: 'nominal' } },
        },
        {
          transform: [
            { aggregate: [{ op: 'mean', field: 'value', as: 'value' }], groupby: ['detector', 'step'] },
            {
              window: [{ op: 'mean', field: 'value', as: 'smooth' }],
              frame: [-4, 4],
              groupby: ['detector'],
              sort: [{ field: 'step' }],
            },
          ],
          mark: { type: 'line', strokeWidth: 2.2 },
          encoding: { x, y: { ...y, field: 'smooth' }, color, strokeDash },
        },
      ],
    };
  });
  return themed({
    title,
    data: { values: points },
    concat: panels,
    columns: 2,
    bounds: 'flush',
    spacing: { row: 86, column: 90 },
  });
}
