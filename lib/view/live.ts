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
  /** One value a step, oldest first. */
  losses: readonly number[];
}

const WIDTH = 520;
const HEIGHT = 90;
const ROOM = 60; // right of the plot, for the last value

/** Means of at most `points` neighbouring groups. */
function condensed(values: readonly number[], points: number): number[] {
  const size = Math.max(1, Math.ceil(values.length / points));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => {
    const group = values.slice(i * size, (i + 1) * size);
    return group.reduce((sum, value) => sum + value, 0) / group.length;
  });
}

/** The loss against the share of steps done, on a logarithmic scale. */
function lossSvg(losses: readonly number[], share: number): string {
  const values = condensed(losses, 120).filter((value) => value > 0);
  if (values.length < 2) return '';
  const logs = values.map(Math.log);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const x = (i: number): number => (i / (values.length - 1)) * share * WIDTH;
  const y = (log: number): number => 8 + (HEIGHT - 16) * (high === low ? 0.5 : (high - log) / (high - low));
  const points = logs.map((log, i) => `${x(i).toFixed(1)},${y(log).toFixed(1)}`).join(' ');
  const last = logs.length - 1;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH + ROOM}" ` +
    `height="${HEIGHT}" font-size="12" fill="${TEXT_COLOR}">` +
    `<line x1="0" x2="${WIDTH}" y1="${HEIGHT - 1}" y2="${HEIGHT - 1}" stroke="${TEXT_COLOR}" stroke-opacity="0.4"/>` +
    `<polyline points="${points}" fill="none" ` +
    `stroke="${detectorColors.mse}" stroke-width="2" stroke-linejoin="round"/>` +
    `<text x="${(x(last) + 6).toFixed(1)}" ` +
    `y="${(y(logs[last]) + 4).toFixed(1)}">${values[last].toPrecision(3)}</text></svg>`
  );
}

/** The display's HTML. */
export function liveHtml({ title, done, total, remaining, note, losses }: LiveState): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const state = done >= total ? 'done' : `${remaining === undefined ? '-:--' : clock(remaining)} left`;
  const chart = lossSvg(losses, share);
  return (
    `<div style="font-variant-numeric:tabular-nums"><div><b>${escapeHtml(title)}</b> ${done}/${total}, ${state}</div>` +
    `<div style="width:${WIDTH}px;height:6px;margin:6px 0;border-radius:3px;background:${TEXT_COLOR}40">` +
    `<div style="width:${(share * 100).toFixed(1)}%;height:6px;border-radius:3px;` +
    `background:${detectorColors.mse}"></div></div>` +
    `<div style="color:${TEXT_COLOR}">${escapeHtml(note.replace(/^\|\s*/, ''))}</div>` +
    `${chart && `<div>loss (log scale)</div>${chart}`}</div>`
  );
}
