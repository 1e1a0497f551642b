/**
 * The training loop: one function for the teacher, stage 1 and stage 2.
 *
 * A step is a pure function of (weights, optimizer state, step number): batches come by number,
 * rates come by number. So a run that was killed and resumed from a checkpoint ends with the
 * weights of an undisturbed one, bit for bit (same machine, same number of threads).
 *
 * Several ranks (see distributed/) train one model on parts of one batch: each has the same
 * parameters, the losses and gradients of all are summed, each makes the same update. Rank 0 alone
 * logs and saves.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { requireSpace } from '../core/disk';
import type { Parameter, Parameters } from '../core/parameters';
import { WeightAverage } from './average';
import { Checkpoints, fingerprintOf } from './checkpoint';
import { anyOf, connect } from './distributed/communicator';
import { GradientSum } from './distributed/gradient-sum';
import { readLog, RunLog, type StepRecord } from './log';
import { createOptimizer, type OptimizerConfig } from './optimizer';
import { RunState } from './run-state';
import { BestWeights, type Best, type Selection } from './selection';
import { type StepOptions, takeStep, type Trained } from './step';

export interface TrainOptions<B> extends StepOptions<B> {
  /** Folder of the run: `log.jsonl`, `tensorboard/`, `checkpoints/`. */
  folder: string;
  /** Everything that decides the outcome: a resumed run must have the same. */
  config: unknown;
  /**
   * Stores whose trainable parameters are optimised; everything in them, running statistics too, is
   * saved.
   */
  stores: Record<string, Parameters>;
  optimizer: OptimizerConfig;
  /** Decay of the moving average of the weights, which a finished run ends with; none by default. */
  average?: number;
  /** Looks at weights on the way, or at their average: a finished run ends with the best. */
  selection?: Selection;
  /** Steps between checkpoints, 200 by default; 0 for none (a run of seconds). */
  checkpointEvery?: number;
  /** Continue from the newest checkpoint in `folder` if there is one. */
  resume?: boolean;
  /** Stops after the step under way, with a checkpoint. */
  signal?: AbortSignal;
  /** Called on every rank. */
  onStep?(record: StepRecord): void | Promise<void>;
}

export interface TrainResult {
  /** Steps taken so far, all sessions together. */
  steps: number;
  /** False when `signal` stopped the run. */
  finished: boolean;
  /** Median milliseconds of a step, all sessions together; 0 before the first, and on ranks above 0. */
  millisecondsPerStep: number;
  /** Only under `selection`. */
  best?: Best;
}

/** Trains until `schedule.steps` steps have been taken or `signal` stops the run. */
export async function train<B>(options: TrainOptions<B>): Promise<TrainResult> {
  const { folder, schedule, stores, checkpointEvery = 200, selection, signal } = options;
  const { steps } = schedule;
  const world = await connect();
  const trained = Object.entries(stores).flatMap(([prefix, store]) =>
    store.trainable().map((parameter) => ({ name: `${prefix}/${parameter.name}`, parameter })),
  );
  const parameters: Parameter[] = trained.map(({ parameter }) => parameter);
  const names = trained.map(({ name }) => name);
  const optimizer = createOptimizer(options.optimizer, parameters, names);
  const average = options.average === undefined ? undefined : new WeightAverage(parameters, names, options.average);
  const best = selection && new BestWeights(stores, selection);
  const state = new RunState(stores, { optimizer, ...(average && { average }), ...(best && { best }) });
  const run: Trained = {
    parameters,
    optimizer,
    world,
    statistics: Object.values(stores).flatMap((store) => store.all().filter(({ role }) => role === 'statistic')),
    gradientSum: world.size > 1 ? new GradientSum(world, parameters) : undefined,
  };
  const root = world.rank === 0;
  let log: RunLog | undefined;
  try {
    const { config } = options;
    const checkpoints = new Checkpoints(path.join(folder, 'checkpoints'), fingerprintOf(config), 2, config);
    if (root && checkpointEvery > 0) await requireRoom(options);
    if (root && !options.resume) checkpoints.clear();
    let step = root ? await state.restore(checkpoints) : 0;
    if (world.size > 1) step = state.share(world, step);
    const isDone = (): boolean => step >= steps || (best?.isOver ?? false);
    if (root) log = new RunLog(folder, step);
    let stopped = anyOf(world, signal?.aborted ?? false);
    while (!isDone() && !stopped) {
      const record = await takeStep(options, run, step);
      step++;
      average?.update(step);
      if (selection && best?.isDue(step, steps)) {
        state.averageStatistics(world);
        average?.swap();
        record.heldOut = await selection.score();
        best.note(step, record.heldOut);
        average?.swap();
      }
      log?.write(record);
      await options.onStep?.(record);
      await new Promise(setImmediate); // let data, output and interrupts through
      stopped = anyOf(world, signal?.aborted ?? false);
      const due = checkpointEvery > 0 && (step % checkpointEvery === 0 || isDone() || stopped);
      if (due || isDone()) state.averageStatistics(world);
      if (due && root) await checkpoints.save({ step, tensors: state.snapshot(step) });
    }
    if (isDone()) {
      if (best) best.apply();
      else average?.swap();
    }
    if (stopped) await world.barrier(); // rank 0 has saved
    return {
      steps: step,
      finished: isDone(),
      millisecondsPerStep: root ? medianMilliseconds(folder) : 0,
      ...(best && { best: best.found(step, steps) }),
    };
  } finally {
    log?.close();
    optimizer.dispose();
    average?.dispose();
  }
}

/** Throws where the disk has no room for three checkpoints. */
async function requireRoom<B>({ folder, stores, average, selection }: TrainOptions<B>): Promise<void> {
  const values = Object.values(stores).reduce((sum, store) => sum + store.numel(), 0);
  fs.mkdirSync(folder, { recursive: true });
  const copies = 3 + (average === undefined ? 0 : 1) + (selection ? 1 : 0); // weights and two moments at least
  const bytes = 3 * copies * 4 * values;
  await requireSpace(folder, bytes, `the run ${path.basename(folder)}`, 'choose another folder with --out');
}

function medianMilliseconds(folder: string): number {
  const times = readLog(folder).map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}
