/**
 * The mean squared error of features: the control of every comparison with FreeKD, and a part of the authors' RetinaNet
 * config (there summed over pyramid levels, weight 5).
 */
import { tf, type Scalar, type Tensor4D } from '../tf';
import { checkPyramids } from './checks';

/**
 * The mean squared difference of each pyramid level, then the mean (default) or the sum over levels.
 * @param teacher one [N, H, W, C] a level; @param student of the same shapes, after the 1x1 projection
 */
export function featureMSE(teacher: Tensor4D[], student: Tensor4D[], overLevels: 'mean' | 'sum' = 'mean'): Scalar {
  checkPyramids('featureMSE', teacher, student);
  return tf.tidy(() => {
    const sum = tf.addN(teacher.map((feature, i) => student[i].sub(feature).square().mean() as Scalar));
    return overLevels === 'mean' ? sum.div(teacher.length) : sum;
  });
}
