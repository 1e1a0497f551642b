/** `npm run reproduce`: runs when imported. */
import { DatasetError, goOnWithout } from '../../coco/problems';
import { leaveTogether, world } from '../../train/distributed/communicator';
import { Stopped, stopOnSignals } from '../../train/stop';
import { runCosts } from './costs';
import { runLeague } from './league';
import { parseOptions } from './options';
import { run } from './running';
import { goOn } from './speech';
import { runSpending } from './spending';

const signal = stopOnSignals(goOn, () => {
  if (world().rank === 0) process.stderr.write('\nstopping after this step (Ctrl-C again to quit at once)\n');
});

const options = parseOptions(process.argv.slice(2));
const { league, costs, spending } = options;
const chosen = league ? runLeague : costs ? runCosts : spending ? runSpending : run;
chosen(options, signal).catch(async (error: unknown) => {
  const { rank } = world();
  if (error instanceof Stopped) {
    if (rank === 0) process.stderr.write(`\n${error.message}\n`);
    await leaveTogether(world());
    process.exit(error.status);
  }
  const { message: text, stack } = error instanceof Error ? error : new Error(String(error));
  const message = error instanceof DatasetError ? `${error.facts}\n${goOnWithout('add --skip-bad')}` : text;
  process.stderr.write(`\n${rank > 0 ? `rank ${rank}: ` : ''}${process.env.DEBUG ? stack : `error: ${message}`}\n`);
  process.exitCode = 1;
});
