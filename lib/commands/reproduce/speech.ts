/** What a run says: rank 0 alone speaks. */
import type { SessionOptions } from '../../experiments/workbench';
import { world } from '../../train/distributed/communicator';
import { terminalProgress, type Progress } from '../../core/progress';

/** One line on stdout. */
export const say = (line: string): void => void (world().rank === 0 && process.stdout.write(`${line}\n`));
const silent: Progress = { update: () => undefined, stop: () => undefined };
export const progress: SessionOptions['progress'] = (...settings) =>
  world().rank === 0 ? terminalProgress(...settings) : silent;

/** How a run that was stopped goes on, as the end of a sentence. */
export const goOn = 'the same command with --resume goes on from there';
