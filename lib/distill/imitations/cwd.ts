/**
 * CWD, channel-wise distillation (Shu et al., ICCV 2021, arXiv 2011.13256): every channel of a map
 * is a distribution over its positions, and the student's should be the teacher's:
 *
 *   L = tau^2 / (C N) sum_{n, c} KL(softmax_hw(t / tau) || softmax_hw(phi(s) / tau))
 *
 * summed over the four finest levels, as the detection configs of mmrazor have it (tau 1, weight 10).
 * Here `t` is divided by the teacher's deviations, as for every loss of this folder.
 */
import { checkPyramids } from '../../freekd/checks';
import { tf, type Scalar, type Tensor, type Tensor4D } from '../../tf';
import { projected, type ImitationKind } from './imitation';

export interface CwdSettings {
  weight: number;
  /** tau, 1 by default. */
  temperature?: number;
  /** How many levels, from the finest; 4 by default. */
  levels?: number;
}

/** @param teacher one [N, H, W, C] a level; @param student of the same shapes */
export function cwdLoss(teacher: Tensor4D[], student: Tensor4D[], temperature = 1): Scalar {
  checkPyramids('cwdLoss', teacher, student);
  const logProbabilities = (map: Tensor4D): Tensor => {
    const [n, h, w, c] = map.shape;
    const logits = map.reshape([n, h * w, c]).div(temperature);
    return logits.sub(logits.logSumExp(1, true)); // [N, HW, C]
  };
  return tf.tidy(() => tf.addN(teacher.map((feature, i) => {
    const [n, , , c] = feature.shape;
    const given = logProbabilities(feature);
    const divergence = given.exp().mul(given.sub(logProbabilities(student[i]))).sum();
    return divergence.mul(temperature ** 2 / (c * n)) as Scalar;
  })));
}

export const cwd: ImitationKind<CwdSettings> = {
  weights: ({ weight }) => ({ '': weight }),
  create: ({ weight, temperature, levels = 4 }, context) =>
    projected(context, ({ teacher }, student) => ({
      cwd: { value: cwdLoss(teacher.slice(0, levels), student.slice(0, levels), temperature), weight },
    })),
};
