/**
 * Batch normalization over [N, H, W], with fixed statistics (frozen) or with the batch's own
 * (training).
 */
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../tf';
import { relu as rectify } from './activation';
import { attribute, elementwise, execute, execute1, kernelLevel, type Attribute } from '../core/native';
import { defineOperation, stopGradient } from '../core/operation';

export interface BatchNormOptions {
  /** [C] */
  gamma: Tensor1D;
  /** [C] */
  beta: Tensor1D;
  /** Added to the variance. Default 1e-5, PyTorch's. */
  epsilon?: number;
  /** Apply a ReLU to the result. Default false. */
  relu?: boolean;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta with given statistics. Differentiable in
 * x, gamma and beta; the statistics are constants.
 * @param x [N, H, W, C]
 */
export function batchNorm(x: Tensor4D, options: BatchNormOptions & { mean: Tensor1D; variance: Tensor1D }): Tensor4D {
  const { gamma, beta, mean, variance, epsilon = 1e-5, relu = false } = options;
  const normalized = (): Tensor4D => {
    if (kernelLevel() !== 'stock') return frozen({ x, gamma, beta, mean, variance }, { epsilon })[0] as Tensor4D;
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(stopGradient(variance), epsilon)));
    const shift = tf.sub(beta, tf.mul(stopGradient(mean), scale));
    return tf.add(tf.mul(x, scale), shift);
  };
  return relu ? rectify(normalized()) : normalized();
}

/**
 * The same with the mean and variance of this batch, through which the gradient flows.
 * @param x [N, H, W, C]
 * @returns `y`; the batch's `mean` and its unbiased `variance` (divided by N H W - 1), each [C] and
 *   constant to gradients: what PyTorch's running statistics are updated with
 */
export function batchNormTraining(
  x: Tensor4D,
  options: BatchNormOptions,
): { y: Tensor4D; mean: Tensor1D; variance: Tensor1D } {
  const { gamma, beta, epsilon = 1e-5, relu = false } = options;
  if (kernelLevel() !== 'stock') {
    const [y, mean, variance] = training({ x, gamma, beta }, { epsilon });
    return { y: (relu ? rectify(y) : y) as Tensor4D, mean: mean as Tensor1D, variance: variance as Tensor1D };
  }
  const count = x.size / x.shape[3];
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const y = tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), gamma), beta) as Tensor4D;
  const unbiased = tf.mul(variance, count / Math.max(count - 1, 1));
  return {
    y: relu ? rectify(y) : y,
    mean: stopGradient(mean as Tensor1D),
    variance: stopGradient(unbiased as Tensor1D),
  };
}

interface Settings {
  epsilon: number;
}

const frozen = defineOperation<Settings>({
  name: 'FrozenBatchNorm',
  forward: ({ x, gamma, beta, mean, variance }, { epsilon }) => [
    execute('FusedBatchNormV3', attributes(epsilon, false), [x, gamma, beta, mean, variance], 6)[0],
  ],
  saveInputs: ['x', 'gamma', 'mean', 'variance'],
  saveOutputs: [false],
  backward: ([dy], [x, gamma, mean, variance], { epsilon }) => ({
    x: () => {
      const scale = elementwise(
        'Mul',
        gamma,
        elementwise('Rsqrt', elementwise('AddV2', variance, tf.scalar(epsilon))),
      );
      return elementwise('Mul', dy, scale);
    },
    gamma: () => gradients(dy, x, gamma, [mean, variance, tf.zeros([0])], epsilon, false)[1],
    beta: () => execute1('BiasAddGrad', [attribute.float32()], [dy]),
    mean: () => tf.zerosLike(mean),
    variance: () => tf.zerosLike(variance),
  }),
});

const training = defineOperation<Settings>({
  name: 'TrainingBatchNorm',
  forward: ({ x, gamma, beta }, { epsilon }) => {
    const none = tf.zeros([0]);
    return execute('FusedBatchNormV3', attributes(epsilon, true), [x, gamma, beta, none, none], 6);
  },
  saveInputs: ['x', 'gamma'],
  saveOutputs: [false, false, false, true, true, true],
  backward: ([dy], [x, gamma, ...reserved], { epsilon }) => {
    const [dx, dgamma, dbeta] = gradients(dy, x, gamma, reserved, epsilon, true);
    return { x: () => dx, gamma: () => dgamma, beta: () => dbeta };
  },
});

/** [dx, dgamma, dbeta] */
function gradients(
  dy: Tensor,
  x: Tensor,
  gamma: Tensor,
  reserved: Tensor[],
  epsilon: number,
  isTraining: boolean,
): Tensor[] {
  const onednn = kernelLevel() === 'onednn';
  const name = onednn ? '_MklNativeFusedBatchNormGradV3' : 'FusedBatchNormGradV3';
  return execute(
    name,
    [...attributes(epsilon, isTraining), ...(onednn ? [attribute.onednn()] : [])],
    [dy, x, gamma, ...reserved],
    5,
  );
}

function attributes(epsilon: number, isTraining: boolean): Attribute[] {
  return [
    attribute.float32(),
    attribute.float32('U'),
    attribute.float('epsilon', epsilon),
    attribute.bool('is_training', isTraining),
  ];
}
