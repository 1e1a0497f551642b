/**
 * The regression part of the authors' RetinaNet config (method.md, profile `released`): smooth L1 between the student's
 * and the teacher's box outputs (retina_reg), weight 1.
 */
import { tf, type Scalar, type Tensor4D } from '../tf';
import { checkPyramids } from './checks';

/**
 * Smooth L1 (d^2 / (2 beta) below beta, |d| - beta / 2 above): the mean of each level, summed over levels.
 * @param teacher box deltas, one [N, H, W, A * 4] a level; @param student of the same shapes
 */
export function regressionImitation(teacher: Tensor4D[], student: Tensor4D[], beta = 1): Scalar {
  checkPyramids('regressionImitation', teacher, student);
  return tf.tidy(() => tf.addN(teacher.map((output, i) => {
    const magnitude = student[i].sub(output).abs();
    const inner = magnitude.minimum(beta); // d^2 / (2 beta) up to beta, and beta / 2 of it beyond
    return inner.square().div(2 * beta).add(magnitude.sub(inner)).mean() as Scalar;
  })));
}
