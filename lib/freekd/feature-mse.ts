/**
 * The two plain losses that stand beside FreeKD: the mean squared error of features, which is the
 * control of every comparison and a part of the authors' RetinaNet config (weight 5), and that
 * config's smooth L1 on the box outputs (retina_reg, weight 1).
 */
import { tf, type Scalar, type Tensor4D } from '../tf';
import { checkPyramids } from './checks';

/**
 * The mean squared difference of each pyramid level, summed over levels.
 * @param teacher one [N, H, W, C] a level; @param student of the same shapes, after the 1x1
 *   projection
 */
export function featureMSE(teacher: Tensor4D[], student: Tensor4D[]): Scalar {
  checkPyramids('featureMSE', teacher, student);
  return tf.tidy(() => tf.addN(teacher.map((feature, i) => student[i].sub(feature).square().mean() as Scalar)));
}

/**
 * Smooth L1 of the student's head outputs against the teacher's (d^2 / (2 beta) below beta, |d| -
 * beta / 2 above): the mean of each level, 0 of none, summed over levels.
 * @param teacher box deltas, one [N, H, W, A * 4] a level; @param student of the same shapes
 */
export function headSmoothL1(teacher: Tensor4D[], student: Tensor4D[], beta = 1): Scalar {
  checkPyramids('headSmoothL1', teacher, student);
  return tf.tidy(() => tf.addN(teacher.map((output, i) => {
    const magnitude = student[i].sub(output).abs();
    const inner = magnitude.minimum(beta); // d^2 / (2 beta) up to beta, and beta / 2 of it beyond
    const loss = inner.square().div(2 * beta).add(magnitude.sub(inner));
    return (loss.size > 0 ? loss.mean() : loss.sum()) as Scalar;
  })));
}
