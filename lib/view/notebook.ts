/**
 * Showing charts, pictures, tables and live training in a tslab notebook. Elsewhere every function
 * throws and says what to use.
 */
import { createRequire } from 'node:module';
import type { StepRecord } from '../train/log';
import type { Progress } from '../core/progress';
import { curvesOf, liveHtml } from './live';
import { frameHtml, type Frame } from './tables';
import type { Chart } from './theme';

/** The part of tslab's display that is used. JSON types take an object. */
interface Display {
  html(text: string): void;
  png(bytes: Uint8Array): void;
  raw(mime: string, data: unknown): void;
}

function outsideNotebook(error: unknown): Error {
  const message =
    'this shows something in a notebook cell of the tslab kernel, and there is none ' +
    'here; in a script use toPng, frameHtml or terminalProgress';
  return new Error(`${message} (${(error as Error).message})`);
}

function tslab(): { display: Display; newDisplay(): Display } {
  try {
    return createRequire(__filename)('tslab') as { display: Display; newDisplay(): Display };
  } catch (error) {
    throw outsideNotebook(error);
  }
}

/** Runs `send` on a display; tslab throws where no kernel runs. */
function send(display: Display, how: (display: Display) => void): void {
  try {
    how(display);
  } catch (error) {
    throw outsideNotebook(error);
  }
}

/** Shows an interactive chart. */
export function showChart(chart: Chart): void {
  send(tslab().display, (display) => display.raw('application/vnd.vegalite.v5+json', chart));
}

/** Shows a PNG file's bytes. */
export function showPicture(png: Uint8Array): void {
  send(tslab().display, (display) => display.png(png));
}

export function showHtml(html: string): void {
  send(tslab().display, (display) => display.html(html));
}

/** Shows a danfojs DataFrame. */
export function showTable(frame: Frame, options?: { digits?: number; limit?: number }): void {
  showHtml(frameHtml(frame, options));
}

export interface LiveTraining extends Progress {
  /** For a training loop's `onStep`: takes progress, losses and rate from its record. */
  onStep(record: StepRecord): void;
}

const INTERVAL = 1000; // milliseconds between two updates on screen

/**
 * A live display that is overwritten as training goes on, about once a second; the last state
 * stays.
 * @param total steps
 * @param start steps done before this session (a resumed run): the remaining time counts from there
 * @param display for tests
 */
export function liveTraining(
  title: string,
  total: number,
  start = 0,
  display: Pick<Display, 'html'> = tslab().newDisplay(),
): LiveTraining {
  const began = performance.now();
  const curves: Record<string, number[]> = {};
  let shown = -Infinity;
  let done = start;
  let note = '';
  const draw = (): void => {
    shown = performance.now();
    const remaining = done > start ? ((shown - began) / 1000 / (done - start)) * (total - done) : undefined;
    send(display as Display, (target) => target.html(liveHtml({ title, done, total, remaining, note, curves })));
  };
  const live: LiveTraining = {
    update(step, text = '', losses = {}) {
      [done, note] = [step, text];
      for (const [name, value] of Object.entries(curvesOf(losses))) (curves[name] ??= []).push(value);
      if (performance.now() - shown >= INTERVAL || done >= total) draw();
    },
    onStep({ step, losses, learningRate, imagesPerSecond }) {
      const { loss, ...parts } = losses;
      const named = Object.entries(parts).map(([part, value]) => `${part} ${value.toFixed(3)}`);
      live.update(
        step + 1,
        `loss ${loss.toFixed(3)} (${named.join(', ')}), learning rate ` +
          `${learningRate.toExponential(1)}, ${imagesPerSecond.toFixed(0)} images/s`,
        losses,
      );
    },
    stop: draw,
  };
  draw();
  return live;
}

/**
 * For work that may have nothing to do: what it returns opens a live display when it is first
 * called with the number of what is done and of all.
 */
export function showProgress(title: string): (done: number, total: number) => void {
  let live: LiveTraining | undefined;
  return (done, total) => (live ??= liveTraining(title, total)).update(done);
}
