/**
 * FCOS's centerness loss over the points that learn an object, of all levels and pictures at once.
 * The class loss is RetinaNet's focal loss, the box loss one by overlap (../box-sides.ts).
 */
import { tf, type Scalar, type Tensor1D } from '../../tf';

/**
 * Binary cross entropy of the centerness, as a sum divided by `normalizer`.
 * @param logits [P]
 * @param wanted [P] in [0, 1]
 */
export function centernessLoss(logits: Tensor1D, wanted: Tensor1D, normalizer: number): Scalar {
  return tf.tidy(() => tf.div(tf.sum(tf.sub(tf.softplus(logits), tf.mul(logits, wanted))), normalizer));
}
