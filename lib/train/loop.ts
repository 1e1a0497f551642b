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
import { valueAndGradients } from '../core/gradients';
import type { Parameter, ParameterEntry, Parameters } from '../core/parameters';
import { tf } from '../tf';
import type { Scalar, Tensor } from '../tf';
import { WeightAverage } from './average';
import { Checkpoints, fingerprintOf, type NamedTensors } from './checkpoint';
import { clipByGlobalNorm } from './clip';
import { readLog, RunLog, type StepRecord } from './log';
import { anyOf, connect, type Communicator } from './distributed/communicator';
import { GradientSum } from './distributed/gradient-sum';
import { createOptimizer, type Optimizer, type OptimizerConfig } from './optimizer';
import { learningRate, type Schedule } from './schedule';
import { BestWeights, type Best, type Selection } from './selection';

/**
 * Parts of a loss by name, other than `loss` itself; the total is the sum of `weight * value`.
 *
 * Of several ranks, each has the parts of its own pictures. `share` says how much of the whole
 * batch's part a rank's is, so that the sum of `share * value` over ranks is the whole batch's.
 * Default: 1 / ranks, which suits a mean over pictures.
 */
export type LossParts = Record<string, { value: Scalar; weight: number; share?: number }>;

export interface TrainOptions<B> {
  /** Folder of the run: `log.jsonl`, `tensorboard/`, `checkpoints/`. */
  folder: string;
  /** Everything that decides the outcome: a resumed run must have the same. */
  config: unknown;
  /**
   * Stores whose trainable parameters are optimised; everything in them, running statistics too, is
   * saved.
   */
  stores: Record<string, Parameters>;
  schedule: Schedule;
  optimizer: OptimizerConfig;
  /** Largest L2 norm of all gradients together; none by default. */
  clip?: number;
  /** Decay of the moving average of the weights, which a finished run ends with; none by default. */
  average?: number;
  /** Looks at weights on the way, or at their average: a finished run ends with the best. */
  selection?: Selection;
  /** What step `step` trains on. */
  batch(step: number): Promise<B>;
  /** Number of pictures in a batch, of all ranks together, for images/s. */
  batchSize: number;
  loss(batch: B, step: number): LossParts;
  /** Frees a batch after its step. */
  release?(batch: B): void;
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

/**
 * Raised when the loss, a gradient or a weight is no longer a finite number: what the last
 * checkpoint holds still is.
 */
export class DivergedError extends Error {}

/** What the next step depends on beside the parameters, and a checkpoint holds. */
interface Memory {
  state(): Map<string, ParameterEntry>;
  load(state: Map<string, ParameterEntry>): void;
}

/** What a run is made of beside its options. */
interface Run {
  parameters: Parameter[];
  optimizer: Optimizer;
  world: Communicator;
  /** Only where there are several ranks. */
  gradientSum?: GradientSum;
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
  const memories: Record<string, Memory> = { optimizer, ...(average && { average }), ...(best && { best }) };
  const run: Run = {
    parameters,
    optimizer,
    world,
    gradientSum: world.size > 1 ? new GradientSum(world, parameters) : undefined,
  };
  const root = world.rank === 0;
  let log: RunLog | undefined;
  try {
    const { config } = options;
    const checkpoints = new Checkpoints(path.join(folder, 'checkpoints'), fingerprintOf(config), 2, config);
    if (root && checkpointEvery > 0) await requireRoom(options);
    if (root && !options.resume) checkpoints.clear();
    let step = root ? await restore(checkpoints, stores, memories) : 0;
    if (world.size > 1) step = shareState(world, step, stores, memories);
    const isDone = (): boolean => step >= steps || (best?.isOver ?? false);
    if (root) log = new RunLog(folder, step);
    let stopped = anyOf(world, signal?.aborted ?? false);
    while (!isDone() && !stopped) {
      const record = await takeStep(options, run, step);
      step++;
      average?.update(step);
      if (selection && best?.isDue(step, steps)) {
        averageStatistics(world, stores);
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
      if (due || isDone()) averageStatistics(world, stores);
      if (due && root) await checkpoints.save({ step, tensors: snapshot(step, stores, memories) });
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

/** One forward pass, backward pass and update. */
async function takeStep<B>(options: TrainOptions<B>, run: Run, step: number): Promise<StepRecord> {
  const began = performance.now();
  const batch = await options.batch(step);
  let evaluated: Evaluated;
  try {
    evaluated = evaluate(() => options.loss(batch, step), run);
  } finally {
    options.release?.(batch);
  }
  const { losses, gradients } = evaluated;
  const rate = learningRate(options.schedule, step);
  let gradientNorm: number | undefined;
  try {
    if (!Number.isFinite(losses.loss)) throw diverged(`step ${step}`, 'the loss', losses);
    gradientNorm = update(run.optimizer, gradients, rate, options.clip);
    if (gradientNorm !== undefined && !Number.isFinite(gradientNorm))
      throw diverged(`step ${step}`, 'the gradient', losses);
  } finally {
    tf.dispose(gradients);
  }
  const milliseconds = performance.now() - began;
  return {
    step,
    losses,
    learningRate: rate,
    gradientNorm,
    imagesPerSecond: (1000 * options.batchSize) / milliseconds,
    milliseconds,
  };
}

interface Evaluated {
  losses: StepRecord['losses'];
  /** One a parameter; the caller disposes them. */
  gradients: Tensor[];
}

/**
 * The weighted total of a loss, its parts, and the total's gradients, all of them summed over
 * ranks.
 */
function evaluate(loss: () => LossParts, { parameters, world, gradientSum }: Run): Evaluated {
  const parts: Record<string, Scalar> = {};
  const scaled = (value: Scalar, factor: number): Scalar => (factor === 1 ? value : tf.mul(value, factor));
  try {
    const { value, gradients } = valueAndGradients(
      () => {
        const weighted = Object.entries(loss()).map(([name, { value: part, weight, share = 1 / world.size }]) => {
          parts[name] = tf.keep(tf.tidy(() => scaled(part, share).clone()));
          return scaled(part, weight * share);
        });
        return weighted.length === 1 ? weighted[0] : (tf.addN(weighted) as Scalar);
      },
      parameters,
      gradientSum && ((index, gradient) => gradientSum.add(index, gradient)),
    );
    const names = ['loss', ...Object.keys(parts)];
    const sums = world.sum([value, ...Object.values(parts)].map((part) => part.dataSync()[0]));
    const losses = Object.fromEntries(names.map((name, i) => [name, sums[i]]));
    value.dispose();
    if (!gradientSum) return { losses, gradients };
    tf.dispose(gradients);
    return { losses, gradients: gradientSum.finish() };
  } finally {
    tf.dispose(parts);
  }
}

/** Updates the parameters; returns the gradient's norm before clipping, where it is clipped. */
function update(optimizer: Optimizer, gradients: Tensor[], rate: number, clip: number | undefined): number | undefined {
  if (clip === undefined) {
    optimizer.apply(gradients, rate);
    return undefined;
  }
  const clipped = clipByGlobalNorm(gradients, clip);
  optimizer.apply(clipped.gradients, rate);
  const norm = clipped.norm.dataSync()[0];
  tf.dispose([clipped.gradients, clipped.norm]);
  return norm;
}

function diverged(where: string, what: string, losses: StepRecord['losses'] = {}): DivergedError {
  const named = Object.entries(losses).map(([name, loss]) => `${name} ${loss}`);
  const parts = named.length ? ` (${named.join(', ')})` : '';
  return new DivergedError(
    `${where}: ${what} is no longer finite${parts}: lower the learning rate or clip the gradient`,
  );
}

/** Everything that the next step depends on, by name. */
function snapshot(
  step: number,
  stores: Record<string, Parameters>,
  memories: Record<string, Memory>,
): NamedTensors {
  const tensors: NamedTensors = new Map();
  for (const [prefix, store] of Object.entries(stores))
    for (const [name, tensor] of store.read()) tensors.set(`${prefix}/${name}`, tensor);
  for (const [prefix, memory] of Object.entries(memories))
    for (const [name, tensor] of memory.state()) tensors.set(`${prefix}/${name}`, tensor);
  for (const [name, { data }] of tensors)
    if (!data.every(Number.isFinite)) throw diverged(`after step ${step - 1}`, name);
  return tensors;
}

/** The step to go on from: 0 without a checkpoint. */
async function restore(
  checkpoints: Checkpoints,
  stores: Record<string, Parameters>,
  memories: Record<string, Memory>,
): Promise<number> {
  const checkpoint = await checkpoints.latest();
  if (!checkpoint) return 0;
  const under = (prefix: string): NamedTensors =>
    new Map(
      [...checkpoint.tensors].flatMap(([name, tensor]) =>
        name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), tensor] as const] : [],
      ),
    );
  for (const [prefix, store] of Object.entries(stores)) store.load(under(prefix));
  for (const [prefix, memory] of Object.entries(memories)) memory.load(under(prefix));
  return checkpoint.step;
}

/** Gives rank 0's step, parameters and memories to all ranks; returns the step. */
function shareState(
  world: Communicator,
  step: number,
  stores: Record<string, Parameters>,
  memories: Record<string, Memory>,
): number {
  const shared = (tensors: NamedTensors): NamedTensors => {
    for (const { data } of tensors.values()) world.broadcast(data);
    return tensors;
  };
  for (const store of Object.values(stores)) store.load(shared(store.read()));
  for (const memory of Object.values(memories)) memory.load(shared(memory.state()));
  return world.sum([step])[0]; // 0 on all other ranks
}

/**
 * The mean over ranks of the running statistics of batch norm, which each rank moves by its own
 * pictures. An average of moving averages is the moving average of averages: it does not matter how
 * often this is done.
 */
function averageStatistics(world: Communicator, stores: Record<string, Parameters>): void {
  if (world.size === 1) return;
  for (const store of Object.values(stores)) {
    const statistics = store.all().filter(({ role }) => role === 'statistic');
    const means = statistics.map(
      ({ variable, name, shape }) =>
        [
          name,
          { shape, data: Float32Array.from(world.sum(Array.from(variable.read())), (sum) => sum / world.size) },
        ] as const,
    );
    store.load(new Map(means), { strict: false });
  }
}
