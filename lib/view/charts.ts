/** Charts of result files, as Vega-Lite 5 specs. Every AP is COCO box AP in percent. */
import { variantTitles, variants, type Variant } from '../experiments/experiment';
import { summarise, type Metric, type RunResult } from '../experiments/results';
import { percentText } from './text-table';
import { detectorColors, themed, type Chart } from './theme';

/** What a metric is called where its name alone would be cryptic. */
const metricTitles: Record<Metric, string> = {
  AP: 'AP',
  AP50: 'AP at IoU 0.50',
  AP75: 'AP at IoU 0.75',
  APs: 'small objects',
  APm: 'medium objects',
  APl: 'large objects',
};

/** The detectors that appear in `results`, and their colours, in the order of all tables. */
function detectors(results: RunResult[], withTeacher: boolean): { titles: string[]; colors: string[] } {
  const present = variants.filter((variant) => results.some((result) => result.variant === variant));
  const keys: (Variant | 'teacher')[] = withTeacher ? ['teacher', ...present] : present;
  return { titles: keys.map((key) => (key === 'teacher' ? key : variantTitles[key])), colors: keys.map((key) => detectorColors[key]) };
}

/**
 * Bars of one or more metrics side by side: the mean over seeds, a dot a seed, the teacher on top.
 * A metric that the data cannot have (no small objects, say) is left out.
 */
export function metricBars(results: RunResult[], teacher: RunResult['metrics'], metrics: Metric[], title: string): Chart {
  const { titles, colors } = detectors(results, true);
  const bars = metrics
    .filter((metric) => teacher[metric] >= 0)
    .flatMap((metric) => {
      const group = metricTitles[metric];
      const students = summarise(results, variants).map(({ variant, seeds, mean, deviation }) => {
        const runs = results.filter((result) => result.variant === variant).map((result) => Math.max(0, result.metrics[metric]));
        return {
          metric: group,
          detector: variantTitles[variant],
          mean: Math.max(0, mean[metric]),
          label: percentText(mean[metric], deviation[metric]),
          end: Math.max(...runs),
          seeds: seeds.length > 1 ? runs : [],
        };
      });
      return [{ metric: group, detector: 'teacher', mean: teacher[metric], label: percentText(teacher[metric]), end: teacher[metric], seeds: [] }, ...students];
    });
  const top = Math.max(1, ...bars.map(({ end }) => end));
  const y = { field: 'detector', type: 'nominal', sort: titles, title: null } as const;
  const scale = { domain: [0, top * 1.22], nice: false };
  return themed({
    title,
    data: { values: bars },
    facet: { column: { field: 'metric', type: 'nominal', title: null, sort: metrics.map((metric) => metricTitles[metric]) } },
    spacing: 24,
    spec: {
      width: 200,
      height: { step: 26 },
      layer: [
        {
          mark: { type: 'bar', height: { band: 0.72 }, cornerRadiusEnd: 2 },
          encoding: {
            x: { field: 'mean', type: 'quantitative', title: 'AP (%)', scale, axis: { tickCount: 4 } },
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
export function sizeBars(results: RunResult[], teacher: RunResult['metrics'], title = 'Average precision by object size'): Chart {
  return metricBars(results, teacher, ['APs', 'APm', 'APl'], title);
}

/** AP of every category, a dot a variant (mean over seeds), best categories first. */
export function categoryDots(results: RunResult[], title = 'Average precision by category'): Chart {
  const { titles, colors } = detectors(results, false);
  const values = results.flatMap(({ variant, seed, perCategory }) =>
    perCategory.filter(({ ap }) => ap >= 0).map(({ name, ap }) => ({ detector: variantTitles[variant], seed, category: name, ap })),
  );
  const y = { field: 'category', type: 'nominal', title: null, sort: { field: 'ap', op: 'mean', order: 'descending' } } as const;
  return themed({
    title,
    data: { values },
    transform: [{ aggregate: [{ op: 'mean', field: 'ap', as: 'ap' }], groupby: ['detector', 'category'] }],
    width: 520,
    height: { step: 24 },
    layer: [
      {
        mark: { type: 'rule', opacity: 0.35, strokeWidth: 1.5, color: detectorColors.teacher },
        encoding: { x: { aggregate: 'min', field: 'ap', type: 'quantitative' }, x2: { aggregate: 'max', field: 'ap' }, y },
      },
      {
        mark: { type: 'point', filled: true, size: 80, opacity: 0.95 },
        encoding: {
          x: { field: 'ap', type: 'quantitative', title: 'AP (%), mean over seeds', scale: { zero: true } },
          y,
          color: { field: 'detector', type: 'nominal', scale: { domain: titles, range: colors }, title: null, legend: { orient: 'top', columns: 4 } },
        },
      },
    ],
  });
}

const TASK = 'task loss (classification + box)';

/**
 * Losses against the step: the task's own, and each distillation loss unweighted. Faint: single steps of each seed;
 * strong: running mean over neighbouring records and seeds. Scales differ by panel, logarithmic.
 */
export function lossCurves(results: RunResult[], title = 'Losses in training'): Chart {
  const { titles, colors } = detectors(results, false);
  const values = results.flatMap(({ variant, seed, curve }) =>
    curve.flatMap(({ step, losses }) => {
      const { loss, classification = 0, box = 0, ...parts } = losses;
      const task = 'classification' in losses ? classification + box : loss;
      return Object.entries({ [TASK]: task, ...parts })
        .filter(([, value]) => value > 0)
        .map(([part, value]) => ({ detector: variantTitles[variant], seed, step, part, value }));
    }),
  );
  const parts = [...new Set(values.map(({ part }) => part))];
  const x = { field: 'step', type: 'quantitative', title: 'training step', axis: { grid: false, tickCount: 5 } } as const;
  const scale = { type: 'log', nice: false } as const;
  const color = { field: 'detector', type: 'nominal', scale: { domain: titles, range: colors }, title: null, legend: { orient: 'top', columns: 4 } } as const;
  return themed({
    title,
    data: { values },
    facet: { field: 'part', type: 'nominal', title: null, sort: parts },
    columns: 2,
    spacing: { row: 32, column: 32 },
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 340,
      height: 200,
      layer: [
        {
          mark: { type: 'line', strokeWidth: 1, opacity: 0.18 },
          encoding: { x, y: { field: 'value', type: 'quantitative', title: 'loss (log scale)', scale }, color, detail: { field: 'seed', type: 'nominal' } },
        },
        {
          transform: [
            { aggregate: [{ op: 'mean', field: 'value', as: 'value' }], groupby: ['detector', 'part', 'step'] },
            { window: [{ op: 'mean', field: 'value', as: 'smooth' }], frame: [-4, 4], groupby: ['detector', 'part'], sort: [{ field: 'step' }] },
          ],
          mark: { type: 'line', strokeWidth: 2.2 },
          encoding: { x, y: { field: 'smooth', type: 'quantitative', scale }, color },
        },
      ],
    },
  });
}
