/** One step of training: losses and gradients of a batch, of all ranks together, and the update. */
import type { Parameter } from '../core/parameters';
import { tf, type Scalar, type Tensor } from '../tf';
import { clipByGlobalNorm } from './clip';
import { notFinite } from './diverged';
import type { Communicator } from './distributed/communicator';
import type { GradientSum } from './distributed/gradient-sum';
import { evaluate, type Evaluated } from './evaluate';
import type { StepRecord } from './log';
import type { Optimizer } from './optimizer';
import { explained } from './out-of-memory';
import { learningRate, type Schedule } from './schedule';
import type { ShareOf } from './shares';
import type { Turns } from './turns';

/**
 * Parts of a loss by name, other than `loss` itself; the total is the sum of `weight * value`.
 *
 * Where a batch is cut among ranks or into turns, these are the parts of some of its pictures.
 * `share` says how much of the whole batch's part that is, so that the sum of `share * value` over
 * all is the whole batch's. Default: 1 / (ranks * turns), which suits a mean over pictures; a sum
 * over pictures has the share 1.
 */
export type LossParts = Record<string, { value: Scalar; weight: number; share?: number }>;

/** @typeParam B a batch */
export interface StepOptions<B> {
  schedule: Schedule;
  /** Largest L2 norm of all gradients together; none by default. */
  clip?: number;
  /** What step `step` trains on. */
  batch(step: number): Promise<B>;
  /** Number of pictures in a batch, of all ranks together, for images/s. */
  batchSize: number;
  /** @param share tells the shares of what is divided by other numbers than that of pictures */
  loss(batch: B, step: number, share: ShareOf): LossParts;
  /** Where a batch is too large for memory; default: the whole batch at once. */
  turns?: Turns<B>;
  /** Frees a batch after its step. */
  release?(batch: B): void;
}

/** What is trained, with what, and by whom. */
export interface Trained {
  parameters: Parameter[];
  optimizer: Optimizer;
  world: Communicator;
  /** What batches may move beside the parameters: running statistics. */
  statistics: Parameter[];
  /** Only where there are several ranks. */
  gradientSum?: GradientSum;
}

/** The losses and gradients of a batch, and one update. */
export async function takeStep<B>(options: StepOptions<B>, trained: Trained, step: number): Promise<StepRecord> {
  const began = performance.now();
  const batch = await options.batch(step);
  let evaluated: Evaluated;
  try {
    evaluated = evaluate(options, trained, batch, step);
  } catch (error) {
    throw explained(error, options.batchSize / trained.world.size / (options.turns?.count ?? 1));
  } finally {
    options.release?.(batch);
  }
  const { losses, gradients } = evaluated;
  const rate = learningRate(options.schedule, step);
  let gradientNorm: number | undefined;
  try {
    if (!Number.isFinite(losses.loss)) throw notFinite(step, 'the loss', losses);
    gradientNorm = update(trained.optimizer, gradients, rate, options.clip);
    if (gradientNorm !== undefined && !Number.isFinite(gradientNorm)) throw notFinite(step, 'the gradient', losses);
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
