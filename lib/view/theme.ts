/**
 * One look for every chart: a colour a detector, wherever it appears, and greys that can be read on
 * white and on black, since a notebook or a page may be either. Colours stay apart for readers
 * without one kind of cones (test/view/theme.test.ts measures it), and what a colour tells, the
 * shape of a point or the dash of a line tells as well.
 */
import type { Config, TopLevelSpec } from 'vega-lite';
import { lookOf, ownPlace, type Shown } from '../runs/looks';
import { variantColors, variants, type Variant } from '../runs/variants';

/** Text and axes: 4.5 to 1 or near it against white and against black. */
export const TEXT_COLOR = '#767b84';
/** What `svgToPng` and browsers look for, in this order. */
export const FONT = 'Inter, system-ui, Helvetica, Arial, sans-serif';

export const detectorColors: Record<Variant, string> = { teacher: '#939597', ...variantColors };

const SHAPES = 'circle square triangle-up diamond triangle-down cross triangle-right triangle-left'.split(' ');
/** One more than shapes, so that places up to 72 differ in one of them at least. */
const DASHES = [[1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 2], [12, 4], [1, 3], [7, 2, 2, 2, 2, 2], [5, 1, 1, 1]];

/** How one series looks. */
export interface Look {
  color: string;
  /** Of its points. */
  shape: string;
  /** Of its lines. */
  dash: number[];
}

/** The look of the series at `place`: the first eight differ in shape and in dash, others in one of them. */
export function lookAt(place: number, color: string): Look {
  return { color, shape: SHAPES[place % SHAPES.length], dash: DASHES[place % DASHES.length] };
}

const first = ['freekd', 'mse', 'student', 'prompt', 'fkd', 'relation', 'released', 'teacher'];
const places = [...first, ...variants.filter((variant) => !first.includes(variant))];

/** A detector's look, the same in every chart; that of a loss of one's own comes from its name. */
export function detectorLook(detector: Variant, look?: Shown['look']): Look {
  const place = places.indexOf(detector);
  if (place >= 0) return lookAt(place, detectorColors[detector]);
  return lookAt(places.length + ownPlace(detector), lookOf({ variant: detector, look }).color);
}

/** In a legend of lines: long enough to show a dash. */
export const LINE_SYMBOL = { symbolType: 'stroke', symbolSize: 900 } as const;
/** In a legend of points or bars beside lines: no dashed outline. */
export const FILLED_SYMBOL = { symbolStrokeWidth: 0 } as const;

/**
 * The channels that tell the series of a chart apart: `color`, and beside it `shape` for points or
 * `strokeDash` for lines. One legend shows them together.
 * @param names values of `field`, in the order of the legend, each with its look
 */
export function seriesChannels<Legend extends object | null>(
  field: string,
  names: readonly (string | number)[],
  looks: readonly Look[],
  { title = null, legend }: { title?: string | null; legend: Legend },
) {
  const channel = <Value,>(range: Value[]) =>
    ({ field, type: 'nominal', title, legend, scale: { domain: [...names], range } }) as const;
  return {
    color: channel(looks.map(({ color }) => color)),
    shape: channel(looks.map(({ shape }) => shape)),
    strokeDash: channel(looks.map(({ dash }) => dash)),
  };
}

/** Of the detectors a seed's colour is none of: FreeKD's red is for means. */
const seedColors = ['mse', 'student', 'prompt', 'fkd', 'released', 'relation'].map(
  (variant) => detectorColors[variant],
);

/** The channels of a chart whose rows have a field `seed`, one of `seeds` (which may repeat). */
export function seedChannels(seeds: readonly number[]) {
  const names = [...new Set(seeds)].sort((a, b) => a - b);
  const looks = names.map((_, i) => lookAt(i, seedColors[i % seedColors.length]));
  const legend = { orient: 'top', titleOrient: 'left', ...FILLED_SYMBOL } as const;
  return seriesChannels('seed', names, looks, { title: 'seed', legend });
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
