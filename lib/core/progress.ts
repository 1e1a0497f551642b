/**
 * Live progress of long work: a bar with the remaining time in a terminal, a plain line now and
 * then in a log file. Notebooks have their own display in view/.
 */
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /**
   * `done` of `total`; `note` stands behind the bar (losses, rate); a display that can draws the
   * step's `losses`.
   */
  update(done: number, note?: string, losses?: Readonly<Record<string, number>>): void;
  /** Leaves the last state on screen. */
  stop(): void;
}

/** Seconds as "1:05" or "2:03:09". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * A progress display on stderr.
 * @param start work already done before this session (a resumed run): the remaining time counts
 *   from there.
 */
export function terminalProgress(title: string, total: number, start = 0): Progress {
  const began = performance.now();
  const remaining = (done: number): string => {
    if (done <= start) return '-:--';
    return clock(((performance.now() - began) / 1000 / (done - start)) * (total - done));
  };
  if (process.stderr.isTTY) {
    const format = `${title} {bar} {value}/{total} {left} left {note}`;
    const bar = new SingleBar(
      { format, stream: process.stderr, hideCursor: true, barsize: 24, fps: 5, stopOnComplete: false },
      Presets.shades_classic,
    );
    bar.start(total, start, { note: '', left: '-:--' });
    return { update: (done, note = '') => bar.update(done, { note, left: remaining(done) }), stop: () => bar.stop() };
  }
  let next = began + 10_000;
  return {
    update(done, note = '') {
      if (done < total && performance.now() < next) return;
      next = performance.now() + 10_000;
      process.stderr.write(`${title} ${done}/${total}, ${remaining(done)} left ${note}\n`);
    },
    stop() {},
  };
}
