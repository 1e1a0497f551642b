/** Group normalization (Wu and He, arXiv 1803.08494): each image's groups of channels normalized over space. */
import { tf, type Tensor1D, type Tensor4D } from '../tf';

export interface GroupNormOptions {
  /** [C] */
  gamma: Tensor1D;
  /** [C] */
  beta: Tensor1D;
  /** A divisor of C. */
  groups: number;
  /** Added to the variance. Default 1e-5, PyTorch's. */
  epsilon?: number;
  /** Apply a ReLU to the result. Default false. */
  relu?: boolean;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and variance over one image's H, W and C / groups channels.
 * @param x [N, H, W, C]
 */
export function groupNorm(x: Tensor4D, options: GroupNormOptions): Tensor4D {
  const { gamma, beta, groups, epsilon = 1e-5, relu = false } = options;
  const [n, h, w, c] = x.shape;
  if (c % groups !== 0) throw new Error(`groupNorm: ${c} channels cannot be split into ${groups} groups`);
  const grouped = tf.reshape(x, [n, h * w, groups, c / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true); // [N, 1, G, 1]
  const normalized = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, epsilon)));
  const y = tf.add(tf.mul(tf.reshape(normalized, x.shape), gamma), beta) as Tensor4D;
  return relu ? tf.relu(y) : y;
}
