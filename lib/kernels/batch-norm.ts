/** Batch normalization over [N, H, W], with fixed statistics (frozen) or with the batch's own (training). */
import { tf, type Tensor1D, type Tensor4D } from '../tf';

export interface BatchNormOptions {
  /** [C] */
  gamma: Tensor1D;
  /** [C] */
  beta: Tensor1D;
  /** Added to the variance. Default 1e-5, PyTorch's. */
  epsilon?: number;
  /** Apply a ReLU to the result, which costs less than a second call. Default false. */
  relu?: boolean;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta with given statistics. Differentiable in x, gamma, beta.
 * @param x [N, H, W, C]
 */
export function batchNorm(x: Tensor4D, options: BatchNormOptions & { mean: Tensor1D; variance: Tensor1D }): Tensor4D {
  const { gamma, beta, mean, variance, epsilon = 1e-5, relu = false } = options;
  const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
  const shift = tf.sub(beta, tf.mul(mean, scale));
  const y = tf.add(tf.mul(x, scale), shift) as Tensor4D;
  return relu ? tf.relu(y) : y;
}

/**
 * The same with the mean and variance of this batch, through which the gradient flows.
 * @param x [N, H, W, C]
 * @returns `y`; the batch's `mean` and its unbiased `variance` (divided by N H W - 1), each [C] and not differentiable:
 *   what PyTorch's running statistics are updated with
 */
export function batchNormTraining(x: Tensor4D, options: BatchNormOptions): { y: Tensor4D; mean: Tensor1D; variance: Tensor1D } {
  const { gamma, beta, epsilon = 1e-5, relu = false } = options;
  const count = x.size / x.shape[3];
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const y = tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), gamma), beta) as Tensor4D;
  return { y: relu ? tf.relu(y) : y, mean: mean as Tensor1D, variance: tf.mul(variance, count / Math.max(count - 1, 1)) as Tensor1D };
}
