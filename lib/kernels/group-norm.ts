/**
 * Group normalization (Wu and He, arXiv 1803.08494): each image's groups of channels are normalized over space.
 *
 * With m and s the mean and deviation of a group, y = x a + b where a = gamma / s and b = beta - m a, one pair for each
 * image and channel. So all but three passes over the data is arithmetic on small [N, 1, C] tensors.
 */
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../tf';
import { attribute, elementwise, execute1, kernelLevel } from './native';
import { defineOperation } from './operation';

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
  if (kernelLevel() !== 'stock') return normalization({ x, gamma, beta }, { groups, epsilon, relu })[0] as Tensor4D;
  const grouped = tf.reshape(x, [n, h * w, groups, c / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true); // [N, 1, G, 1]
  const normalized = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, epsilon)));
  const y = tf.add(tf.mul(tf.reshape(normalized, x.shape), gamma), beta) as Tensor4D;
  return relu ? tf.relu(y) : y;
}

const mul = (a: Tensor, b: Tensor): Tensor => elementwise('Mul', a, b);
const add = (a: Tensor, b: Tensor): Tensor => elementwise('AddV2', a, b);
const sub = (a: Tensor, b: Tensor): Tensor => elementwise('Sub', a, b);

const normalization = defineOperation<{ groups: number; epsilon: number; relu: boolean }>({
  name: 'GroupNorm',
  forward: ({ x, gamma, beta }, { groups, epsilon, relu }) => {
    const flat = flatten(x);
    const mean = groupMean(channelSum(flat), flat, groups); // [N, 1, C]
    const variance = groupMean(channelSum(elementwise('SquaredDifference', flat, mean)), flat, groups);
    const inverse = elementwise('Rsqrt', add(variance, tf.scalar(epsilon)));
    const a = mul(inverse, gamma);
    const z = add(mul(flat, a), sub(beta, mul(mean, a)));
    return [tf.reshape(relu ? elementwise('Relu', z) : z, x.shape), mean, inverse];
  },
  saveInputs: ['x', 'gamma'],
  saveOutputs: [true, true, true],
  backward: ([dy], [x, gamma, y, mean, inverse], { groups, relu }) => {
    const dz = flatten(relu ? elementwise('ReluGrad', dy, y) : dy); // [N, HW, C]
    const flat = flatten(x);
    const sum = channelSum(dz); // [N, 1, C], the gradient of b
    const product = mul(sub(channelSum(mul(dz, flat)), mul(mean, sum)), inverse); // [N, 1, C], sum of dz times normalized x
    return {
      // dx = (gamma dz - mean of it - normalized x times mean of (gamma dz normalized x)) / s
      x: () => {
        const p = mul(gamma, inverse);
        const q = mul(mul(inverse, inverse), groupMean(mul(gamma, product), flat, groups));
        const r = sub(mul(q, mean), mul(inverse, groupMean(mul(gamma, sum), flat, groups)));
        return tf.reshape(add(sub(mul(dz, p), mul(flat, q)), r), x.shape);
      },
      gamma: () => tf.sum(product, [0, 1]),
      beta: () => tf.sum(sum, [0, 1]),
    };
  },
});

/** [N, H, W, C] -> [N, HW, C] */
function flatten(x: Tensor): Tensor {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  return tf.reshape(x, [n, h * w, c]);
}

/** [N, HW, C] -> [N, 1, C], the sum over space: a product with ones, which is faster than a reduction. */
function channelSum(x: Tensor): Tensor {
  const [n, positions] = x.shape as [number, number, number];
  return execute1('BatchMatMulV2', [attribute.float32()], [tf.ones([n, 1, positions]), x]);
}

/** [N, 1, C] sums over `space` -> [N, 1, C], each channel holding the mean of its group. */
function groupMean(sums: Tensor, space: Tensor, groups: number): Tensor {
  const [n, positions, c] = space.shape as [number, number, number];
  const total = tf.sum(tf.reshape(sums, [n, groups, c / groups]), 2, true);
  const mean = mul(total, tf.scalar(groups / (c * positions))); // [N, G, 1]
  return tf.reshape(mul(mean, tf.ones([1, 1, c / groups])), [n, 1, c]);
}
