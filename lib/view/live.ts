/**
 * What a live training display shows: a bar, the remaining time and the loss so far, as HTML made
 * anew at each update.
 */
import { clock } from '../core/progress';
import { escapeHtml } from './html';
import { detectorColors, TEXT_COLOR } from './theme';

export interface LiveState {
  title: string;
  done: number;
  total: number;
  /** Seconds; undefined while unknown. */
  remaining?: number;
  note: string;
  /** Each with one value a step, oldest first, and a plot of its own. */
  curves: Readonly<Record<string, readonly number[]>>;
}

const WIDTH = 520;
const HEIGHT = 90;
const ROOM = 60; // right of the plot, for the last value
const POINTS = 120; // of a curve, at most

/**
 * What is drawn of a step's losses: the whole; in stage 1, whose parts pull against each other, the
 * detection loss and the dissimilarity apart.
 */
export function curvesOf(losses: Readonly<Record<string, number>>): Record<string, number> {
  if (!('dissimilarity' in losses)) return 'loss' in losses ? { loss: losses.loss } : {};
  const detection = Object.entries(losses).filter(([part]) => part !== 'loss' && part !== 'dissimilarity');
  return {
    'detection loss': detection.reduce((sum, [, value]) => sum + value, 0),
    dissimilarity: losses.dissimilarity,
  };
}

/** Means of at most `points` neighbouring groups. */
function condensed(values: readonly number[], points: number): number[] {
  const size = Math.max(1, Math.ceil(values.length / points));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => {
    const group = values.slice(i * size, (i + 1) * size);
    return group.reduce((sum, value) => sum + value, 0) / group.length;
  });
}

/** Means of a tenth of all values before each, itself included: what is left when batches differ less. */
function smoothed(values: readonly number[]): number[] {
  const window = Math.max(1, Math.round(values.length / 10));
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (values[i - window] ?? 0);
    return sum / Math.min(i + 1, window);
  });
}

/** A curve against the share of steps done, on a logarithmic scale: pale as it is, and smoothed. */
function curveSvg(name: string, all: readonly number[], share: number, width: number): string {
  const values = condensed(all, POINTS).filter((value) => value > 0);
  if (values.length < 2) return '';
  const logs = values.map(Math.log);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const x = (i: number): number => (i / (values.length - 1)) * share * width;
  const y = (log: number): number => 20 + (HEIGHT - 28) * (high === low ? 0.5 : (high - log) / (high - low));
  const line = (ys: readonly number[], more: string): string =>
    `<polyline points="${ys.map((log, i) => `${x(i).toFixed(1)},${y(log).toFixed(1)}`).join(' ')}" fill="none" ` +
    `stroke="${detectorColors.mse}" stroke-linejoin="round" ${more}/>`;
  const smooth = smoothed(values);
  const last = smooth.length - 1;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + ROOM}" ` +
    `height="${HEIGHT}" font-size="12" fill="${TEXT_COLOR}"><text y="11">${escapeHtml(name)} (log scale)</text>` +
    `<line x1="0" x2="${width}" y1="${HEIGHT - 1}" y2="${HEIGHT - 1}" stroke="${TEXT_COLOR}" stroke-opacity="0.4"/>` +
    `${line(logs, 'stroke-width="1" stroke-opacity="0.35"')}${line(smooth.map(Math.log), 'stroke-width="2"')}` +
    `<text x="${(x(last) + 6).toFixed(1)}" ` +
    `y="${(y(Math.log(smooth[last])) + 4).toFixed(1)}">${smooth[last].toPrecision(3)}</text></svg>`
  );
}

/** The display's HTML. */
export function liveHtml({ title, done, total, remaining, note, curves }: LiveState): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const state = done >= total ? 'done' : `${remaining === undefined ? '-:--' : clock(remaining)} left`;
  const named = Object.entries(curves);
  const width = named.length > 1 ? (WIDTH - ROOM) / 2 : WIDTH;
  const charts = named.map(([name, values]) => curveSvg(name, values, share, width)).join('');
  return (
    `<div style="font-variant-numeric:tabular-nums"><div><b>${escapeHtml(title)}</b> ${done}/${total}, ${state}</div>` +
    `<div style="width:${WIDTH}px;height:6px;margin:6px 0;border-radius:3px;background:${TEXT_COLOR}40">` +
    `<div style="width:${(share * 100).toFixed(1)}%;height:6px;border-radius:3px;` +
    `background:${detectorColors.mse}"></div></div>` +
    `<div style="color:${TEXT_COLOR}">${escapeHtml(note.replace(/^\|\s*/, ''))}</div>` +
    `${charts && `<div>${charts}</div>`}</div>`
  );
}
