/**
 * CanKD, cross-attention non-local distillation (WACV 2026, arXiv 2511.21503): each position of the
 * student's map asks all of the teacher's, and what it gathers is added before both are compared:
 *
 *   L = 1/2 mean((IN(z) - IN(t))^2),   z = s + BN(O(A V(t))),   A = Q(s) K(t)^T / (number of keys)
 *
 * Q, K, V are 1x1 convolutions to half the channels, K and V then max-pooled 2x2, O one back; IN
 * normalises each channel of each picture. Summed over the four finest levels, weight 10. All are
 * trained with the student; BN's scale starts at 0, so that z = s. O's bias and BN's shift, which BN
 * and IN take away again, are left out. As in its code, phi is there only where the channels differ.
 *
 * A has HW x HW / 4 numbers: of P3 at 1333 x 800, 0.28 GB a picture, of P2 4.5 GB. It has no
 * softmax, so the product is regrouped, Q(s) (K(t)^T V(t)): C/2 x C/2 numbers, whatever the map's
 * size, and the same value. BN takes the statistics of the batch, of several ranks each of its own
 * pictures, and so of the turns of an accumulated batch.
 */
import { Random } from '../../core/random';
import type { Parameters } from '../../core/parameters';
import { checkPyramids } from '../../freekd/checks';
import { batchNormTraining } from '../../kernels/batch-norm';
import { tf, type Scalar, type Tensor, type Tensor1D, type Tensor3D, type Tensor4D } from '../../tf';
import { createConv2d, learnedConv2d } from '../learned';
import { learning, type ImitationKind } from './imitation';

export interface CankdSettings {
  weight: number;
  /** How many levels, from the finest; 4 by default. */
  levels?: number;
}

/** Adds Q, K, V, O and BN of every level to `parameters`. */
export function addCrossAttention(parameters: Parameters, levels: number, channels: number, seed: number): void {
  const random = new Random(seed).fork('cankd');
  const half = Math.max(1, channels >> 1);
  for (let level = 0; level < levels; level++) {
    const name = `attention.${level}`;
    for (const part of ['query', 'key', 'value'])
      createConv2d(parameters, `${name}.${part}`, [1, 1, channels, half], random);
    const out = Float32Array.from({ length: half * channels }, () => random.uniform(-1, 1) / Math.sqrt(half));
    parameters.create(`${name}.out.weight`, [half, channels], out);
    parameters.create(`${name}.norm.weight`, [channels], 0, 'norm');
  }
}

/** BN(O(A V(t))): [N, H, W, C]. */
function gathered(teacher: Tensor4D, student: Tensor4D, parameters: Parameters, name: string): Tensor4D {
  const [n, h, w, c] = student.shape;
  const window: [number, number] = [Math.min(2, h), Math.min(2, w)]; // a side of one position is left as it is
  const [keys, values] = ['key', 'value'].map((part) => {
    const pooled = tf.maxPool(learnedConv2d(parameters, `${name}.${part}`, teacher), window, window, 'valid');
    return pooled.reshape([n, -1, pooled.shape[3]]) as Tensor3D; // [N, positions, C / 2]
  });
  const query = learnedConv2d(parameters, `${name}.query`, student).reshape([n, h * w, -1]);
  const attended = tf.matMul(query, tf.matMul(keys, values, true).div(keys.shape[1])); // [N, HW, C / 2]
  const out = attended.reshape([n * h * w, -1]).matMul(parameters.get(`${name}.out.weight`).value);
  const gamma = parameters.get(`${name}.norm.weight`).value as Tensor1D;
  return batchNormTraining(out.reshape([n, h, w, c]), { gamma, beta: tf.zeros([c]) }).y;
}

/** IN: each channel of each picture with mean 0 and deviation 1. */
function instanceNorm(map: Tensor4D): Tensor {
  const { mean, variance } = tf.moments(map, [1, 2], true);
  return map.sub(mean).mul(variance.add(1e-5).rsqrt());
}

/**
 * @param teacher one [N, H, W, C] a level; @param student of the same shapes
 * @param parameters with Q, K, V, O and BN of each level
 */
export function cankdLoss(teacher: Tensor4D[], student: Tensor4D[], parameters: Parameters): Scalar {
  checkPyramids('cankdLoss', teacher, student);
  return tf.tidy(() => tf.addN(teacher.map((feature, level) => {
    const own = student[level].add(gathered(feature, student[level], parameters, `attention.${level}`)) as Tensor4D;
    return instanceNorm(own).sub(instanceNorm(feature)).square().mean().div(2) as Scalar;
  })));
}

export const cankd: ImitationKind<CankdSettings> = {
  weights: ({ weight }) => ({ '': weight }),
  create({ weight, levels = 4 }, context) {
    const { teacher: { channels, deviations }, seed } = context;
    const count = Math.min(levels, deviations.length);
    const imitation = learning(
      context,
      ({ teacher }, imitated, parameters) => ({
        cankd: { value: cankdLoss(teacher.slice(0, count), imitated.slice(0, count), parameters), weight },
      }),
      (parameters) => addCrossAttention(parameters, count, channels, seed),
    );
    return { ...imitation, takesStatistics: true };
  },
};
