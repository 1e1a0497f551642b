/** Gradient clipping by the global norm. */
import { tf, type Scalar, type Tensor } from '../tf';

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), norm being the L2 norm of all of them
 * together: PyTorch's `clip_grad_norm_`.
 * @returns new gradients and the norm before clipping; the caller disposes both, and its own
 *   gradients
 */
export function clipByGlobalNorm(gradients: Tensor[], maxNorm: number): { gradients: Tensor[]; norm: Scalar } {
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient))))) as Scalar;
    const factor = tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1);
    return { gradients: gradients.map((gradient) => tf.mul(gradient, factor)), norm };
  });
}
