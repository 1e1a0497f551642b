/**
 * `npm run reproduce -- --costs`: what each loss costs beside the student's own training, one
 * process a loss, as a table and as `costs.json` below `--out`.
 */
import { fork } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeAtomically } from '../../core/atomic-file';
import { provenance } from '../../runs/results';
import type { StepCost } from '../../runs/step-cost';
import { variants } from '../../runs/variants';
import { costTable } from '../../view/cost-table';
import { openExperiment } from './opening';
import type { Options } from './options';
import { root } from './places';
import { say } from './speech';

/** Measures every variant that is asked for, by default all of the table. */
export async function runCosts(options: Options, signal: AbortSignal): Promise<void> {
  const { experiment, out } = openExperiment(options);
  const costs: StepCost[] = [];
  for (const variant of options.variants ?? variants) {
    signal.throwIfAborted();
    costs.push(await apart({ experiment, variant }));
  }
  say(`${experiment.title}\n\n${costTable(costs)}`);
  fs.mkdirSync(out, { recursive: true });
  const record = { format: 1, experiment: experiment.name, costs, ...provenance(root) };
  await writeAtomically(path.join(out, 'costs.json'), async (file) =>
    file.writeFile(`${JSON.stringify(record, null, 1)}\n`),
  );
}

/** Asks a process of its own. */
function apart(asked: object): Promise<StepCost> {
  return new Promise((resolve, reject) => {
    const child = fork(path.join(__dirname, 'cost-of-one.js'));
    let cost: StepCost | undefined;
    child.on('message', (message) => (cost = message as StepCost));
    child.on('error', reject);
    child.on('exit', (status) =>
      cost ? resolve(cost) : reject(new Error(`--costs: the process that measured ended with ${status}`)),
    );
    child.send(asked);
  });
}
