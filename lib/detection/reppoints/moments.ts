/**
 * A box of a set of points by its moments (RepPoints, Yang et al., arXiv 1904.11490, section 3.2):
 * the mean is its centre, and the deviation, times a learned number for each axis, half its size.
 */
import { tf, type Tensor, type Tensor1D, type Tensor2D } from '../../tf';
import { stopGradient } from '../../core/operation';

/** Points of a set: the nine taps of a 3x3 window. */
export const POINTS = 9;

/** The share of its gradient that the learned number gets (mmdet's `moment_mul`). */
const TRANSFER_SHARE = 0.01;

/** The least variance whose root is taken, where points coincide and the root has no slope. */
const LEAST_VARIANCE = 1e-24;

/** x, with `share` of its gradient. */
export function slowed<T extends Tensor>(x: T, share: number): T {
  return tf.add(tf.mul(stopGradient(x), 1 - share), tf.mul(x, share));
}

/**
 * @param points [P, 18] y1, x1, y2, x2, ...
 * @param transfer [2] logarithms of half a width and half a height for a deviation of 1
 * @returns [P, 4] x1, y1, x2, y2
 */
export function momentBoxes(points: Tensor2D, transfer: Tensor1D): Tensor2D {
  return tf.tidy(() => {
    const [y, x] = tf.unstack(tf.reshape(points, [points.shape[0], POINTS, 2]), 2); // [P, 9]
    const [width, height] = tf.unstack(tf.exp(slowed(transfer, TRANSFER_SHARE)));
    const side = (positions: Tensor, factor: Tensor): [low: Tensor, high: Tensor] => {
      const mean = tf.mean(positions, 1, true); // [P, 1]
      const variance = tf.div(tf.sum(tf.square(tf.sub(positions, mean)), 1, true), POINTS - 1);
      const half = tf.mul(tf.sqrt(tf.maximum(variance, LEAST_VARIANCE)), factor);
      return [tf.sub(mean, half), tf.add(mean, half)];
    };
    const [[left, right], [top, bottom]] = [side(x, width), side(y, height)];
    return tf.concat([left, top, right, bottom], 1) as Tensor2D;
  });
}
