/**
 * The training loop: one function for the teacher, stage 1 and stage 2.
 *
 * A step is a pure function of (weights, optimizer state, step number): batches come by number, rates come by number.
 * So a run that was killed and resumed from a checkpoint ends with the weights of an undisturbed one, bit for bit
 * (same machine, same number of threads).
 */
import * as path from 'node:path';
import { valueAndGradients } from '../kernels/gradients';
import type { Parameter, Parameters } from '../kernels/parameters';
import { tf } from '../tf';
import type { Scalar, Tensor } from '../tf';
import { Checkpoints, fingerprintOf, type NamedTensors } from './checkpoint';
import { clipByGlobalNorm } from './clip';
import { readLog, RunLog, type StepRecord } from './log';
import { createOptimizer, type Optimizer, type OptimizerConfig } from './optimizer';
import { learningRate, type Schedule } from './schedule';

/** Parts of a loss by name, other than `loss` itself; the total is the sum of `weight * value`. */
export type LossParts = Record<string, { value: Scalar; weight: number }>;

export interface TrainOptions<B> {
  /** Folder of the run: `log.jsonl`, `tensorboard/`, `checkpoints/`. */
  folder: string;
  /** Everything that decides the outcome: a resumed run must have the same. */
  config: unknown;
  /** Stores whose trainable parameters are optimised; everything in them, running statistics too, is saved. */
  stores: Record<string, Parameters>;
  schedule: Schedule;
  optimizer: OptimizerConfig;
  /** Largest L2 norm of all gradients together; none by default. */
  clip?: number;
  /** What step `step` trains on. */
  batch(step: number): Promise<B>;
  /** Number of pictures in a batch, for images/s. */
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
  onStep?(record: StepRecord): void | Promise<void>;
}

export interface TrainResult {
  /** Steps taken so far, all sessions together. */
  steps: number;
  /** False when `signal` stopped the run. */
  finished: boolean;
  /** Median milliseconds of a step, all sessions together; 0 before the first. */
  millisecondsPerStep: number;
}

/** Raised when the loss, a gradient or a weight is no longer a finite number: what the last checkpoint holds still is. */
export class DivergedError extends Error {}

/** Trains until `schedule.steps` steps have been taken or `signal` stops the run. */
export async function train<B>(options: TrainOptions<B>): Promise<TrainResult> {
  const { folder, schedule, stores, checkpointEvery = 200, signal } = options;
  const parameters: Parameter[] = Object.values(stores).flatMap((store) => store.trainable());
  const optimizer = createOptimizer(options.optimizer, parameters);
  let log: RunLog | undefined;
  try {
    const checkpoints = new Checkpoints(path.join(folder, 'checkpoints'), fingerprintOf(options.config));
    if (!options.resume) checkpoints.clear();
    let step = await restore(checkpoints, stores, optimizer);
    log = new RunLog(folder, step);
    while (step < schedule.steps && !signal?.aborted) {
      const record = await takeStep(options, parameters, optimizer, step);
      log.write(record);
      step++;
      await options.onStep?.(record);
      await new Promise(setImmediate); // let data, output and interrupts through
      const due = checkpointEvery > 0 && (step % checkpointEvery === 0 || step === schedule.steps || signal?.aborted);
      if (due) await checkpoints.save({ step, tensors: snapshot(step, stores, optimizer) });
    }
    return { steps: step, finished: step >= schedule.steps, millisecondsPerStep: medianMilliseconds(folder) };
  } finally {
    log?.close();
    optimizer.dispose();
  }
}

function medianMilliseconds(folder: string): number {
  const times = readLog(folder).map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}

/** One forward pass, backward pass and update. */
async function takeStep<B>(options: TrainOptions<B>, parameters: Parameter[], optimizer: Optimizer, step: number): Promise<StepRecord> {
  const began = performance.now();
  const batch = await options.batch(step);
  let evaluated: Evaluated;
  try {
    evaluated = evaluate(() => options.loss(batch, step), parameters);
  } finally {
    options.release?.(batch);
  }
  const { losses, gradients } = evaluated;
  const rate = learningRate(options.schedule, step);
  let gradientNorm: number | undefined;
  try {
    if (!Number.isFinite(losses.loss)) throw diverged(`step ${step}`, 'the loss', losses);
    gradientNorm = update(optimizer, gradients, rate, options.clip);
    if (gradientNorm !== undefined && !Number.isFinite(gradientNorm)) throw diverged(`step ${step}`, 'the gradient', losses);
  } finally {
    tf.dispose(gradients);
  }
  const milliseconds = performance.now() - began;
  return { step, losses, learningRate: rate, gradientNorm, imagesPerSecond: (1000 * options.batchSize) / milliseconds, milliseconds };
}

interface Evaluated {
  losses: StepRecord['losses'];
  /** One a parameter; the caller disposes them. */
  gradients: Tensor[];
}

/** The weighted total of a loss, its parts, and the total's gradients. */
function evaluate(loss: () => LossParts, parameters: Parameter[]): Evaluated {
  const parts: Record<string, Scalar> = {};
  try {
    const { value, gradients } = valueAndGradients(() => {
      const weighted = Object.entries(loss()).map(([name, part]) => {
        parts[name] = tf.keep(part.value.clone());
        return part.weight === 1 ? part.value : tf.mul(part.value, part.weight);
      });
      return weighted.length === 1 ? (weighted[0] as Scalar) : (tf.addN(weighted) as Scalar);
    }, parameters);
    const losses: Record<string, number> = { loss: value.dataSync()[0] };
    for (const [name, part] of Object.entries(parts)) losses[name] = part.dataSync()[0];
    value.dispose();
    return { losses, gradients };
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
  return new DivergedError(`${where}: ${what} is no longer finite${parts}: lower the learning rate or clip the gradient`);
}

/** Everything that the next step depends on, by name. */
function snapshot(step: number, stores: Record<string, Parameters>, optimizer: Optimizer): NamedTensors {
  const tensors: NamedTensors = new Map();
  for (const [prefix, store] of Object.entries(stores))
    for (const [name, tensor] of store.read()) tensors.set(`${prefix}/${name}`, tensor);
  for (const [name, tensor] of optimizer.state()) tensors.set(`optimizer/${name}`, tensor);
  for (const [name, { data }] of tensors) if (!data.every(Number.isFinite)) throw diverged(`after step ${step - 1}`, name);
  return tensors;
}

/** The step to go on from: 0 without a checkpoint. */
async function restore(checkpoints: Checkpoints, stores: Record<string, Parameters>, optimizer: Optimizer): Promise<number> {
  const checkpoint = await checkpoints.latest();
  if (!checkpoint) return 0;
  const under = (prefix: string): NamedTensors =>
    new Map([...checkpoint.tensors].flatMap(([name, tensor]) => (name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), tensor] as const] : [])));
  for (const [prefix, store] of Object.entries(stores)) store.load(under(prefix));
  optimizer.load(under('optimizer'));
  return checkpoint.step;
}
