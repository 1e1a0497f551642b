/**
 * How a program is stopped: one rule for Ctrl-C, `kill`, a closed terminal, the warning of a batch
 * system, and output that nobody reads any more.
 *
 * The first signal asks: the step under way is finished, what was reached is saved, the program
 * says how to go on and ends with status 128 + n, as a shell has it. The second ends it at once.
 */
import { constants } from 'node:os';
import { alone, anyOf, type Communicator } from './distributed/communicator';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** Milliseconds within which a signal is the first one once more: `timeout` sends it to us and to our group. */
const ECHO = 1000;

const statusOf = (name: NodeJS.Signals): number => 128 + constants.signals[name];

/** Raised when the user stopped the work; what was reached is saved. Shown as its sentence alone. */
export class Stopped extends Error {
  /** @param status exit status of the program */
  constructor(
    message: string,
    readonly status = statusOf('SIGINT'),
  ) {
    super(message);
    this.stack = message;
  }
}

/** The exit status that belongs to a signal of `stopOnSignals`. */
export function stopStatus(signal: AbortSignal | undefined): number {
  const reason: unknown = signal?.reason;
  return reason instanceof Stopped ? reason.status : statusOf('SIGINT');
}

/**
 * Aborted by the first signal; its reason is a `Stopped` that says `goOn`.
 * @param goOn how the user goes on, as the end of a sentence
 * @param onStop called at the first signal
 */
export function stopOnSignals(goOn: string, onStop: () => void): AbortSignal {
  const stop = new AbortController();
  let asked = 0;
  const ask = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) return;
    asked = performance.now();
    stop.abort(new Stopped(`stopped; ${goOn}`, statusOf(name)));
    onStop();
  };
  for (const name of SIGNALS)
    process.on(name, () => {
      if (stop.signal.aborted && performance.now() - asked > ECHO) process.exit(statusOf(name));
      ask(name);
    });
  // A terminal that was closed and a reader that has ended show as errors of writing, each time.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', ({ code }: NodeJS.ErrnoException) => ask(code === 'EPIPE' ? 'SIGPIPE' : 'SIGHUP'));
  return stop.signal;
}

/** Throws, on all ranks at once, where one of them was stopped. */
export function throwIfStopped(signal: AbortSignal | undefined, world: Communicator = alone): void {
  if (!anyOf(world, signal?.aborted ?? false)) return;
  signal?.throwIfAborted();
  throw new Stopped('stopped with another rank');
}
