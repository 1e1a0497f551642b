/** Progress in megabytes with the present speed, on any progress display. */
import type { Progress } from '../core/progress';

/** Opens a display, as `terminalProgress` does. */
export type OpenProgress = (title: string, total: number, start?: number) => Progress;

const SPAN = 5000; // milliseconds over which the speed is taken

/** `update` takes bytes. @param start bytes that were there before */
export function byteProgress(
  open: OpenProgress | undefined,
  title: string,
  total: number,
  start = 0,
): { update(bytes: number): void; stop(): void } {
  const megabytes = (bytes: number): number => Math.floor(bytes / 1e6);
  const display = open?.(`${title}, MB`, megabytes(total), megabytes(start));
  let marks = [{ at: performance.now(), bytes: start }];
  return {
    update(bytes) {
      const now = performance.now();
      const last = marks[marks.length - 1];
      if (bytes < total && now - last.at < 200) return;
      marks = [...marks.filter(({ at }) => now - at < SPAN), { at: now, bytes }];
      const seconds = (now - marks[0].at) / 1000;
      display?.update(
        megabytes(bytes),
        seconds > 0 ? `${((bytes - marks[0].bytes) / 1e6 / seconds).toFixed(1)} MB/s` : '',
      );
    },
    stop: () => display?.stop(),
  };
}
