/** RepPoints' box loss of either stage. The class loss is the focal loss. */
import { tf, type Scalar, type Tensor2D } from '../../tf';

/**
 * Smooth L1 of boxes, as a sum divided by `normalizer`: d^2 / (2 beta) below `beta`, |d| - beta / 2
 * above it.
 * @param boxes [P, 4]
 * @param wanted [P, 4] in the same unit
 */
export function boxDistance(boxes: Tensor2D, wanted: Tensor2D, normalizer: number, beta: number): Scalar {
  return tf.tidy(() => {
    const distance = tf.abs(tf.sub(boxes, wanted));
    const curved = tf.minimum(distance, beta);
    const each = tf.add(tf.div(tf.square(curved), 2 * beta), tf.sub(distance, curved));
    return tf.div(tf.sum(each), normalizer);
  });
}
