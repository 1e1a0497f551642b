/**
 * One look for every chart: a colour a detector, wherever it appears, and greys that can be read on
 * white and on black, since a notebook or a page may be either.
 */
import type { Config, TopLevelSpec } from 'vega-lite';
import type { Variant } from '../experiments/experiment';

/** Text and axes: 4.5 to 1 or near it against white and against black. */
export const TEXT_COLOR = '#767b84';
/** What `svgToPng` and browsers look for, in this order. */
export const FONT = 'Inter, system-ui, Helvetica, Arial, sans-serif';

export const detectorColors: Record<Variant | 'teacher', string> = {
  teacher: '#98a0ab',
  student: '#e08a2e',
  mse: '#3d8fd8',
  fkd: '#22a699',
  prompt: '#8f78dc',
  relation: '#b59a1f',
  freekd: '#d9475f',
  released: '#c264b0',
};

/** One a seed, told apart from each other and from FreeKD's red. */
const seedColors = ['#3d8fd8', '#e08a2e', '#8f78dc', '#22a699', '#c264b0', '#b59a1f'];

/** The colour channel of a chart whose rows have a field `seed`, one of `seeds` (which may repeat). */
export function seedColor(seeds: readonly number[]) {
  const domain = [...new Set(seeds)].sort((a, b) => a - b);
  const scale = { domain, range: domain.map((_, i) => seedColors[i % seedColors.length]) };
  return {
    field: 'seed',
    type: 'nominal',
    title: 'seed',
    scale,
    legend: { orient: 'top', titleOrient: 'left' },
  } as const;
}

/** Boxes drawn on pictures. */
export const boxColors = { truth: '#43a5ff', found: '#2fd070', wrong: '#ff6540', missed: '#ffffff' };

const config: Config = {
  font: FONT,
  background: 'transparent',
  view: { stroke: null },
  title: {
    color: TEXT_COLOR,
    fontSize: 14,
    fontWeight: 600,
    anchor: 'start',
    offset: 12,
    subtitleColor: TEXT_COLOR,
    subtitleFontSize: 12,
    subtitlePadding: 4,
  },
  axis: {
    labelColor: TEXT_COLOR,
    titleColor: TEXT_COLOR,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 400,
    titlePadding: 8,
    labelLimit: 320,
    domainColor: TEXT_COLOR,
    domainOpacity: 0.6,
    tickColor: TEXT_COLOR,
    tickOpacity: 0.6,
    gridColor: TEXT_COLOR,
    gridOpacity: 0.25,
  },
  axisX: { tickSize: 4 },
  axisY: { tickSize: 0, labelPadding: 8, domain: false },
  legend: {
    labelColor: TEXT_COLOR,
    titleColor: TEXT_COLOR,
    labelFontSize: 12,
    titleFontSize: 12,
    labelLimit: 320,
    symbolStrokeWidth: 3,
    symbolOpacity: 1,
    columnPadding: 20,
    rowPadding: 5,
    offset: 16,
  },
  header: { labelColor: TEXT_COLOR, titleColor: TEXT_COLOR, labelFontSize: 13, labelFontWeight: 600, labelPadding: 8 },
  text: { color: TEXT_COLOR, fontSize: 12 },
};

/**
 * A Vega-Lite 5 chart: complete, to be shown in a notebook, rendered to SVG or PNG, or changed by
 * hand.
 */
export type Chart = TopLevelSpec;

/** Puts a chart under the theme. */
export function themed(chart: Chart): Chart {
  return { $schema: 'https://vega.github.io/schema/vega-lite/v5.json', ...chart, config };
}
