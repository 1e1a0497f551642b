/**
 * A network and its task as training and distillation know them: a detector, or a segmenter. What a
 * target is, the loss and the score are the task's; the rest is the same for all.
 */
import type { Parameters } from '../core/parameters';
import type { Scalar, Tensor4D } from '../tf';
import type { Normalization, Origin, Target } from './types';

/** Size of a picture inside the padded input, in input pixels. */
export type Extent = Pick<Origin, 'inputWidth' | 'inputHeight'>;

export interface LossOptions {
  /** How much of each input is picture; default all. */
  extents?: readonly (Extent & { id?: number })[];
  /**
   * Decides what a network draws at random; with the pictures' ids, so that a step draws the same
   * again, and each rank for its own pictures what one rank would.
   */
  seed?: string;
}

/** What a loss is a sum divided by: the positive anchors, say. */
export interface Normalizer {
  normalizer: number;
  /** What was counted, where the normalizer is that but not below a least. Default: the normalizer. */
  counted?: number;
}

/** What was counted, but not below `least`: a sum over nothing is not divided by 0. */
export const counting = (counted: number, least = 1): Required<Normalizer> => ({
  normalizer: Math.max(least, counted),
  counted,
});

/**
 * A loss by its parts. Where a batch is cut into parts, theirs are weighted by their normalizers (see
 * train/shares.ts).
 */
export type TaskLosses = Record<string, { value: Scalar } & Normalizer>;

/**
 * @typeParam Outputs what the head gives, known to the network alone
 * @typeParam T what a picture is taught
 */
export interface TaskNetwork<Outputs = unknown, T = Target> {
  readonly config: { classes: number; input?: Normalization };
  readonly parameters: Parameters;
  /** Input pixels from one position of a level of the pyramid to the next, finest level first. */
  readonly strides: readonly number[];
  /** Of every level of the pyramid. */
  readonly channels: number;
  /**
   * images [N, H, W, 3], of any height and width -> the levels that are imitated, [N, ceil(H /
   * stride), ceil(W / stride), channels], finest first, and after them what else its head reads.
   * With `training`, batch norm uses the batch's statistics and moves the running ones.
   */
  pyramid(images: Tensor4D, training?: boolean, options?: LossOptions): Tensor4D[];
  head(pyramid: readonly Tensor4D[], options?: LossOptions & { training?: boolean }): Outputs;
  /** The task's loss on a batch. */
  loss(outputs: Outputs, targets: readonly T[], options?: LossOptions): TaskLosses;
  /**
   * The normalizers of `loss` by its parts' names, where the targets alone decide them and no network
   * needs to run to know them.
   * @param size height and width of the input
   */
  normalizers?(
    size: readonly [number, number],
    targets: readonly T[],
    options?: LossOptions,
  ): Record<string, Normalizer>;
  dispose(): void;
}
