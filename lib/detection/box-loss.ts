/** The loss of anchors' deltas, over all anchors of a batch at once and with one custom gradient. */
import { tf, type Scalar, type Tensor, type Tensor2D } from '../tf';

/** What anchors learn of boxes. */
export interface BoxMatches {
  /** [P] indices of the anchors that learn an object. */
  positives: Int32Array;
  /** [P * 4] their deltas. */
  deltas: Float32Array;
}

/**
 * Smooth L1 of the positive anchors' deltas / normalizer: d^2 / (2 beta) below `beta`, |d| - beta /
 * 2 above it. `beta` 0 is L1.
 * @param deltas [anchors, 4], all pictures' anchors
 */
export function boxLoss(
  deltas: Tensor2D,
  { positives, deltas: wanted }: BoxMatches,
  normalizer: number,
  { beta }: { beta: number },
): Scalar {
  const count = positives.length;
  const loss = tf.customGrad((x, save) => {
    if (count === 0) return { value: tf.scalar(0), gradFunc: () => tf.zeros(deltas.shape) };
    const indices = tf.tensor2d(positives, [count, 1], 'int32');
    // Not those reshaped: tfjs reads the indices of a gather, which waits for a kernel that made them.
    const rows = tf.gather(x as Tensor, tf.tensor1d(positives, 'int32'));
    const difference = tf.sub(rows, tf.tensor2d(wanted, [count, 4]));
    const distance = tf.abs(difference);
    const curved = tf.minimum(distance, beta);
    const value = beta === 0 ? distance : tf.add(tf.div(tf.square(curved), 2 * beta), tf.sub(distance, curved));
    const slope = beta === 0 ? tf.sign(difference) : tf.clipByValue(tf.div(difference, beta), -1, 1);
    (save as (tensors: Tensor[]) => void)([tf.div(slope, normalizer), indices]);
    return {
      value: tf.div(tf.sum(value), normalizer),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.scatterND(saved[1], tf.mul(saved[0], dy), deltas.shape),
    };
  });
  return loss(deltas) as Scalar;
}
