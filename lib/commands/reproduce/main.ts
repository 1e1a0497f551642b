/** `npm run reproduce`: runs when imported. */
import { Stopped } from '../../experiments/workbench';
import { world } from '../../train/distributed/communicator';
import { parseOptions } from './options';
import { run } from './running';

/**
 * Aborted by the first Ctrl-C; the second one ends the process. SIGUSR2 is what mpirun passes on to
 * its ranks.
 */
function stopOnInterrupt(): AbortSignal {
  const stop = new AbortController();
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    if (world().rank === 0) process.stderr.write('\nstopping after this step (Ctrl-C again to quit at once)\n');
    stop.abort();
  };
  process.on('SIGINT', interrupt).on('SIGUSR2', interrupt);
  return stop.signal;
}

run(parseOptions(process.argv.slice(2)), stopOnInterrupt()).catch((error: unknown) => {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const { rank, leave } = world();
  const what = error instanceof Stopped ? message : process.env.DEBUG ? stack : `error: ${message}`;
  if (error instanceof Stopped) leave(); // all ranks stopped together
  if (rank === 0 || !(error instanceof Stopped)) process.stderr.write(`\n${rank > 0 ? `rank ${rank}: ` : ''}${what}\n`);
  process.exitCode = error instanceof Stopped ? 130 : 1;
});
