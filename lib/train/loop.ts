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
import type { Scalar } from '../tf';
import { Checkpoints, fingerprintOf, type NamedTensors } from './checkpoint';
import { clipByGlobalNorm } from './clip';
import { RunLog, type StepRecord } from './log';
import { createOptimizer, type OptimizerConfig } from './optimizer';
import { learningRate, type Schedule } from './schedule';

/** Parts of a loss by name; the total is the sum of `weight * value`. */
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
  /** Median milliseconds of this session's steps. */
  millisecondsPerStep: number;
}

/** Raised when a loss is no longer a finite number: the weights of the last checkpoint still are. */
export class DivergedError extends Error {}

/** Trains until `schedule.steps` steps have been taken or `signal` stops the run. */
export async function train<B>(options: TrainOptions<B>): Promise<TrainResult> {
  const { folder, schedule, stores, checkpointEvery = 200, signal } = options;
  const parameters: Parameter[] = Object.values(stores).flatMap((store) => store.trainable());
  const optimizer = createOptimizer(options.optimizer, parameters);
  const checkpoints = new Checkpoints(path.join(folder, 'checkpoints'), fingerprintOf(options.config));
  const start = options.resume ? await restore(checkpoints, stores, optimizer) : 0;
  if (!options.resume) checkpoints.clear();
  const log = new RunLog(folder, start);
  const times: number[] = [];
  let step = start;
  try {
    while (step < schedule.steps && !signal?.aborted) {
      const began = performance.now();
      const record = await takeStep(options, parameters, optimizer, step);
      record.milliseconds = performance.now() - began;
      record.imagesPerSecond = (1000 * options.batchSize) / record.milliseconds;
      times.push(record.milliseconds);
      log.write(record);
      step++;
      await options.onStep?.(record);
      await new Promise(setImmediate); // let data, output and interrupts through
      const due = checkpointEvery > 0 && (step % checkpointEvery === 0 || step === schedule.steps || signal?.aborted);
      if (due) await checkpoints.save({ step, tensors: snapshot(stores, optimizer) });
    }
  } finally {
    log.close();
    optimizer.dispose();
  }
  times.sort((a, b) => a - b);
  return { steps: step, finished: step >= schedule.steps, millisecondsPerStep: times[times.length >> 1] ?? 0 };
}

/** One forward pass, backward pass and update. */
async function takeStep<B>(
  options: TrainOptions<B>,
  parameters: Parameter[],
  optimizer: ReturnType<typeof createOptimizer>,
  step: number,
): Promise<StepRecord> {
  const batch = await options.batch(step);
  const parts: Record<string, Scalar> = {};
  const { value, gradients } = valueAndGradients(() => {
    const weighted = Object.entries(options.loss(batch, step)).map(([name, part]) => {
      parts[name] = tf.keep(part.value.clone());
      return part.weight === 1 ? part.value : tf.mul(part.value, part.weight);
    });
    return weighted.length === 1 ? (weighted[0] as Scalar) : (tf.addN(weighted) as Scalar);
  }, parameters);
  options.release?.(batch);
  const losses: Record<string, number> = { loss: value.dataSync()[0] };
  for (const [name, part] of Object.entries(parts)) losses[name] = part.dataSync()[0];
  tf.dispose([value, parts]);
  if (!Number.isFinite(losses.loss)) {
    tf.dispose(gradients);
    const named = Object.entries(losses).map(([name, loss]) => `${name} ${loss}`);
    throw new DivergedError(`step ${step}: the loss is no longer finite (${named.join(', ')}): lower the learning rate or clip the gradient`);
  }
  const rate = learningRate(options.schedule, step);
  const record: StepRecord = { step, losses, learningRate: rate, imagesPerSecond: 0, milliseconds: 0 };
  if (options.clip === undefined) {
    optimizer.apply(gradients, rate);
    tf.dispose(gradients);
  } else {
    const clipped = clipByGlobalNorm(gradients, options.clip);
    record.gradientNorm = clipped.norm.dataSync()[0];
    optimizer.apply(clipped.gradients, rate);
    tf.dispose([gradients, clipped.gradients, clipped.norm]);
  }
  return record;
}

/** Everything that the next step depends on, by name. */
function snapshot(stores: Record<string, Parameters>, optimizer: ReturnType<typeof createOptimizer>): NamedTensors {
  const tensors: NamedTensors = new Map();
  for (const [prefix, store] of Object.entries(stores))
    for (const [name, tensor] of store.read()) tensors.set(`${prefix}/${name}`, tensor);
  for (const [name, tensor] of optimizer.state()) tensors.set(`optimizer/${name}`, tensor);
  return tensors;
}

/** The step to go on from: 0 without a checkpoint. */
async function restore(checkpoints: Checkpoints, stores: Record<string, Parameters>, optimizer: ReturnType<typeof createOptimizer>): Promise<number> {
  const checkpoint = await checkpoints.latest();
  if (!checkpoint) return 0;
  const under = (prefix: string): NamedTensors =>
    new Map([...checkpoint.tensors].flatMap(([name, tensor]) => (name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), tensor] as const] : [])));
  for (const [prefix, store] of Object.entries(stores)) store.load(under(prefix));
  optimizer.load(under('optimizer'));
  return checkpoint.step;
}
