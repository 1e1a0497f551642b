/**
 * `npm run reproduce -- --league`: tunes every loss alike on emoji scenes, trains it on fresh seeds,
 * and writes the table. Every run is one result file; those that are there are kept, so that the
 * same command goes on where it was stopped.
 */
import * as path from 'node:path';
import { writeAtomically } from '../../core/atomic-file';
import { bestFactor, leagueLosses, leagueProtocol, scaledRow, trialsOf } from '../../experiments/league';
import { Session } from '../../experiments/session';
import { readResults, type RunResult } from '../../runs/results';
import { variantRow, type VariantRow } from '../../runs/variants';
import { DivergedError } from '../../train/diverged';
import { connect } from '../../train/distributed/communicator';
import { leagueTable } from '../../view/league-table';
import { openExperiment } from './opening';
import type { Options } from './options';
import { base, root } from './places';
import { occupy, runStudent } from './running';
import { progress, say } from './speech';

const goOn = 'the same command goes on from there';

export async function runLeague(options: Options, signal: AbortSignal): Promise<void> {
  if ((await connect()).size > 1) throw new Error('--league: one process runs it; leave out --ranks');
  const { data, experiment, detector, smoke } = options;
  const losses = (options.variants ?? leagueLosses).filter((name) => name !== 'student').map(variantRow);
  const standard = detector === 'retinanet' ? 'league' : `league-${detector}`;
  const out = options.out ? path.resolve(base, options.out) : path.join(root, 'data/results/local', standard);
  const tuningSeeds = leagueProtocol.tuningSeeds.slice(0, smoke ? 1 : undefined);
  const scenes = { ...options, data: undefined, experiment: undefined, setting: undefined };
  say(
    `the league, tuning: ${losses.length} losses, ${leagueProtocol.factors.length} weights, ` +
      `${tuningSeeds.length} seeds`,
  );
  const tuned = await runAll(
    { ...scenes, out: path.join(out, 'tuning') },
    losses.flatMap(trialsOf),
    tuningSeeds,
    signal,
  );
  const rows = losses.map((row) => {
    const factor = bestFactor(row.name, tuned, tuningSeeds);
    say(`${row.name}: weight x ${factor}`);
    return scaledRow(row, factor);
  });
  const elsewhere = data !== undefined || experiment !== undefined;
  const seeds = elsewhere ? leagueProtocol.seedsElsewhere : leagueProtocol.seeds;
  const name = experiment ?? (data === undefined ? 'emoji-scenes' : path.basename(path.resolve(base, data)));
  const results = await runAll(
    { ...options, ...(!elsewhere && { setting: 'long' }), out: path.join(out, name) },
    [variantRow('student'), ...rows],
    seeds.slice(0, smoke ? 2 : undefined),
    signal,
  );
  const table = leagueTable(results);
  say(`\n${table}`);
  await writeAtomically(path.join(out, name, 'league.md'), async (file) => file.writeFile(`${table}\n`));
}

/** All runs of an experiment, a loss after the other; one that diverges is said and has no result. */
async function runAll(
  options: Options & { out: string },
  rows: readonly VariantRow[],
  seeds: readonly number[],
  signal: AbortSignal,
): Promise<RunResult[]> {
  const { open, ...opened } = openExperiment(options);
  const occupied = occupy(opened.out);
  try {
    const { trainTeacher } = options;
    const splits = await open(signal);
    const session = new Session({ ...opened, splits, root, trainTeacher, resume: true, signal, say, progress, goOn });
    try {
      await session.teacher();
      for (const row of rows)
        for (const seed of seeds)
          await runStudent(session, row, seed).catch((error: unknown) => {
            if (!(error instanceof DivergedError)) throw error;
            say(`${row.name}, seed ${seed}: ${error.message}`);
          });
    } finally {
      await session.close();
    }
  } finally {
    occupied.release();
  }
  const named = new Set(rows.map(({ name }) => name));
  return readResults(opened.out).filter(({ variant, seed }) => named.has(variant) && seeds.includes(seed));
}
