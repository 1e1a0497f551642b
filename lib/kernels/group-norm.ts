/**
 * Group normalization (Wu and He, arXiv 1803.08494): each image's groups of channels are normalized
 * over space.
 *
 * With m and s the mean and deviation of a group, y = x a + b where a = gamma / s and b = beta - m
 * a, one pair for each image and channel. Without a kernel of our own, all but a few passes over the
 * data is arithmetic on small [N, 1, 1, C] tensors.
 */
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../tf';
import { attribute, elementwise, execute, execute1, kernelLevel, ownKernels } from '../core/native';
import { defineOperation } from '../core/operation';

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
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and variance over one image's H, W
 * and C / groups channels.
 * @param x [N, H, W, C]
 */
export function groupNorm(x: Tensor4D, options: GroupNormOptions): Tensor4D {
  const { gamma, beta, groups, epsilon = 1e-5, relu = false } = options;
  const [n, h, w, c] = x.shape;
  if (c % groups !== 0) throw new Error(`groupNorm: ${c} channels cannot be split into ${groups} groups`);
  const inputs = { x, gamma, beta };
  if (ownKernels()) return ownNormalization(inputs, { groups, epsilon, relu })[0] as Tensor4D;
  if (kernelLevel() !== 'stock') return normalization(inputs, { groups, epsilon, relu })[0] as Tensor4D;
  const grouped = tf.reshape(x, [n, h * w, groups, c / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true); // [N, 1, G, 1]
  const normalized = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, epsilon)));
  const y = tf.add(tf.mul(tf.reshape(normalized, x.shape), gamma), beta) as Tensor4D;
  return relu ? tf.relu(y) : y;
}

interface Settings {
  groups: number;
  epsilon: number;
  relu: boolean;
}

/** By lib/native/group_norm.cc. */
const ownNormalization = defineOperation<Settings>({
  name: 'OwnGroupNorm',
  forward: ({ x, gamma, beta }, { groups, epsilon, relu }) => {
    const name = relu ? 'FreekdGroupNormRelu' : 'FreekdGroupNorm';
    return execute(name, [], [x, gamma, beta, tf.tensor1d([groups], 'int32'), tf.tensor1d([epsilon])], 3);
  },
  saveInputs: ['x', 'gamma'],
  saveOutputs: [true, true, true],
  backward: ([dy], [x, gamma, y, mean, inverse], { groups, relu }) => {
    const name = relu ? 'FreekdGroupNormReluGradient' : 'FreekdGroupNormGradient';
    const given = [dy, x, y, gamma, mean, inverse, tf.tensor1d([groups], 'int32')];
    const [dx, dgamma, dbeta] = execute(name, [], given, 3);
    return { x: () => dx, gamma: () => dgamma, beta: () => dbeta };
  },
});

const mul = (a: Tensor, b: Tensor): Tensor => elementwise('Mul', a, b);
const add = (a: Tensor, b: Tensor): Tensor => elementwise('AddV2', a, b);
const sub = (a: Tensor, b: Tensor): Tensor => elementwise('Sub', a, b);

const normalization = defineOperation<Settings>({
  name: 'GroupNorm',
  forward: ({ x, gamma, beta }, { groups, epsilon, relu }) => {
    const members = membership(gamma.size, groups);
    const mean = groupMean(spaceMean(x), members); // [N, 1, 1, C]
    const variance = groupMean(spaceMean(elementwise('SquaredDifference', x, mean)), members);
    const inverse = elementwise('Rsqrt', add(variance, tf.scalar(epsilon)));
    const a = mul(inverse, gamma);
    const z = add(mul(x, a), sub(beta, mul(mean, a)));
    return [relu ? elementwise('Relu', z) : z, mean, inverse];
  },
  saveInputs: ['x', 'gamma'],
  saveOutputs: [true, true, true],
  backward: ([dy], [x, gamma, y, mean, inverse], { groups, relu }) => {
    const dz = relu ? elementwise('ReluGrad', dy, y) : dy; // [N, H, W, C]
    // [N, 1, 1, C]: means over space of dz, and of dz times the normalized x
    const d = spaceMean(dz);
    const e = mul(sub(spaceMean(mul(dz, x)), mul(mean, d)), inverse);
    const [, h, w] = x.shape as [number, number, number, number];
    const total = (means: Tensor): Tensor => tf.mul(tf.sum(means, [0, 1, 2]), h * w);
    return {
      // dx = (gamma dz - group mean of gamma dz - normalized x times group mean of (gamma dz
      // normalized x)) / s
      x: () => {
        const members = membership(gamma.size, groups);
        const q = mul(mul(inverse, inverse), groupMean(mul(gamma, e), members));
        const r = sub(mul(q, mean), mul(inverse, groupMean(mul(gamma, d), members)));
        return add(sub(mul(dz, mul(gamma, inverse)), mul(x, q)), r);
      },
      gamma: () => total(e),
      beta: () => total(d),
    };
  },
});

/** [N, H, W, C] -> [N, 1, 1, C] */
function spaceMean(x: Tensor): Tensor {
  return execute1(
    'Mean',
    [attribute.float32(), attribute.int32('Tidx'), attribute.bool('keep_dims', true)],
    [x, tf.tensor1d([1, 2], 'int32')],
  );
}

/**
 * [C, G]: sqrt(G / C) where a channel belongs to a group, so that this times its transpose averages
 * over groups.
 */
function membership(channels: number, groups: number): Tensor {
  const size = channels / groups;
  const matrix = new Float32Array(channels * groups);
  for (let c = 0; c < channels; c++) matrix[c * groups + Math.floor(c / size)] = Math.sqrt(1 / size);
  return tf.tensor2d(matrix, [channels, groups]);
}

/** [N, 1, 1, C] -> [N, 1, 1, C], each channel holding the mean of its group. */
function groupMean(means: Tensor, members: Tensor): Tensor {
  const ofGroups = execute1('BatchMatMulV2', [attribute.float32()], [means, members]); // [N, 1, 1, G]
  return execute1('BatchMatMulV2', [attribute.float32(), attribute.bool('adj_y', true)], [ofGroups, members]);
}
