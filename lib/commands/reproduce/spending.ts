/**
 * `npm run reproduce -- --spending`: how much of MSE, L_FKD and FreeKD falls on objects of which
 * size, band by band, as a table and as `spending.json` below `--out`.
 */
import * as path from 'node:path';
import { writeAtomically } from '../../core/atomic-file';
import { Session } from '../../experiments/session';
import { measureSpending } from '../../experiments/spending';
import { connect } from '../../train/distributed/communicator';
import { provenance } from '../../runs/results';
import type { Spending } from '../../runs/spending';
import { spendingSentence, spendingTable } from '../../view/spending';
import { openExperiment } from './opening';
import type { Options } from './options';
import { root } from './places';
import { occupy } from './running';
import { goOn, progress, say } from './speech';

/** Steps of the student, and validation pictures, where the options say nothing. */
const usual = { steps: 200, pictures: 64 };

export async function runSpending(options: Options, signal: AbortSignal): Promise<void> {
  if ((await connect()).size > 1) throw new Error('--spending: one process measures it; leave out --ranks');
  const { steps = usual.steps, pictures = usual.pictures, firstSeed: seed, trainTeacher } = options;
  const { open, ...opened } = openExperiment({ ...options, steps });
  const { out, experiment } = opened;
  const own = path.join(out, 'spending');
  const occupied = occupy(own);
  try {
    const splits = await open(signal);
    const session = new Session({
      ...opened, out: own, splits, root, trainTeacher, resume: true, signal, say, progress, goOn,
    });
    try {
      const measured = await measureSpending(session, { seed, pictures });
      const { name, title } = experiment;
      const record: Spending = {
        format: 1, experiment: name, data: title, steps, seed, ...measured, ...provenance(root),
      };
      say(`${spendingTable(record)}\n\n${spendingSentence(record)}`);
      await writeAtomically(path.join(out, 'spending.json'), async (file) =>
        file.writeFile(`${JSON.stringify(record, null, 1)}\n`),
      );
    } finally {
      await session.close();
    }
  } finally {
    occupied.release();
  }
}
