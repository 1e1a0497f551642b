/**
 * The student's loss of the authors' released code (method.md, profile `released`), value for
 * value: for the detail levels k = 1, 2, 3 of a 3-level Haar transform with zero padding
 *
 *   L_k = mean over (N, T, C, 3, H_k, W_k) of | m_k s_k - m_k t_k |,
 *   m_k = sigmoid(tokens_k x (H + V + D of the teacher))
 *
 * summed over the three levels and over the pyramid levels. LL is not distilled and there is no
 * relational weight. The level is never clamped. Computed as one collapsed map a level, (1/T) sum_i
 * m_k,i: see band-distance.ts.
 */
import { tf, type Scalar, type Tensor3D, type Tensor4D } from '../tf';
import { wavedec2 } from '../wavelet/transform';
import { bandDistance } from './band-distance';
import { checkPerLevel, checkPyramids } from './checks';
import { checkReleasedTokens, groupsToBands, releasedMasks, releasedTransform } from './released-prompt';

/** 1 / (3 N C H W) for the bands of a detail level, 0 for LL. */
function releasedScales(shapes: number[][]): number[] {
  return shapes.map((shape, b) => (b === 0 ? 0 : 1 / (3 * shape.reduce((product, n) => product * n, 1))));
}

/**
 * The released FreeKD loss with weight 1; its RetinaNet config adds `featureMSE` with weight 5 and
 * `headSmoothL1` on the box head's output with weight 1.
 * @param student aligned features phi(F^s), one [N, H, W, C] a pyramid level, differentiable
 * @param teacher of the same shapes, constants
 * @param tokens one [4, T, C] a pyramid level, constants
 * @returns a scalar
 */
export function releasedFreeKDLoss({
  student,
  teacher,
  tokens,
}: {
  student: Tensor4D[];
  teacher: Tensor4D[];
  tokens: Tensor3D[];
}): Scalar {
  checkPyramids('releasedFreeKDLoss', teacher, student);
  checkPerLevel('releasedFreeKDLoss', 'tokens', tokens, teacher.length);
  tokens.forEach((level, i) =>
    checkReleasedTokens(`releasedFreeKDLoss: pyramid level ${i}`, level, teacher[i].shape[3]),
  );
  return tf.tidy(() =>
    tf.addN(
      teacher.map((feature, i) =>
        bandDistance({
          teacher: feature,
          student: student[i],
          transform: releasedTransform,
          scales: releasedScales,
          maps: () =>
            groupsToBands(
              releasedMasks(tokens[i], wavedec2(feature, releasedTransform)).map((mask) => mask.mean(3, true)),
            ),
        }),
      ),
    ),
  );
}
