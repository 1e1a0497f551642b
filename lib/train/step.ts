/** One step of training: losses and gradients of a batch, of all ranks together, and the update. */
import { valueAndGradients } from '../core/gradients';
import type { Parameter } from '../core/parameters';
import { tf, type Scalar, type Tensor } from '../tf';
import { clipByGlobalNorm } from './clip';
import { notFinite } from './diverged';
import type { Communicator } from './distributed/communicator';
import type { GradientSum } from './distributed/gradient-sum';
import type { StepRecord } from './log';
import type { Optimizer } from './optimizer';
import { learningRate, type Schedule } from './schedule';

/**
 * Parts of a loss by name, other than `loss` itself; the total is the sum of `weight * value`.
 *
 * Of several ranks, each has the parts of its own pictures. `share` says how much of the whole
 * batch's part a rank's is, so that the sum of `share * value` over ranks is the whole batch's.
 * Default: 1 / ranks, which suits a mean over pictures.
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
  loss(batch: B, step: number): LossParts;
  /** Frees a batch after its step. */
  release?(batch: B): void;
}

/** What is trained, with what, and by whom. */
export interface Trained {
  parameters: Parameter[];
  optimizer: Optimizer;
  world: Communicator;
  /** Only where there are several ranks. */
  gradientSum?: GradientSum;
}

/** One forward pass, backward pass and update. */
export async function takeStep<B>(options: StepOptions<B>, trained: Trained, step: number): Promise<StepRecord> {
  const began = performance.now();
  const batch = await options.batch(step);
  let evaluated: Evaluated;
  try {
    evaluated = evaluate(() => options.loss(batch, step), trained);
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

interface Evaluated {
  losses: StepRecord['losses'];
  /** One a parameter; the caller disposes them. */
  gradients: Tensor[];
}

/**
 * The weighted total of a loss, its parts, and the total's gradients, all of them summed over
 * ranks.
 */
function evaluate(loss: () => LossParts, { parameters, world, gradientSum }: Trained): Evaluated {
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
