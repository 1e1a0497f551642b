/**
 * MasKD, masked distillation with receptive tokens (Huang et al., ICLR 2023, arXiv 2205.14589): the
 * squared difference where the masks of its own stage 1 (mask-tokens.ts) are high:
 *
 *   L = 1/(N C) sum_n sum_i w_i sum_c sum_hw (m_i s - m_i t)^2 / sum_hw m_i
 *
 * summed over levels, s = phi(F^s). As in its code, m_i stands squared above its plain sum, w counts
 * a mask by what stage 1 learnt, and after a warm-up m is the product of the teacher's masks and the
 * student's, both constants. So the T masks collapse into one weight map: sum_i w_i m_i^2 / sum m_i.
 *
 * Its configs have weight 7 for RetinaNet, 10 for FCOS and RepPoints, 1 for two stages, and a
 * warm-up of 5000 to 8500 of 180,000 steps. Teacher's maps come divided by their deviations, so the
 * weight of a config does not carry over.
 */
import { withoutGradient } from '../../freekd/band-distance';
import { checkPerLevel, checkPyramids } from '../../freekd/checks';
import { tf, type Scalar, type Tensor4D } from '../../tf';
import type { MaskTokens } from '../mask-tokens';
import { needed, projected, type ImitationKind } from './imitation';

export interface MaskdSettings {
  weight: number;
  /**
   * From this step on, counted from 0, masks are multiplied by those of the student; 1000 by
   * default.
   */
  refineAfter?: number;
}

/**
 * @param teacher one [N, H, W, C] a level; @param student of the same shapes
 * @param tokens of each level; @param refined whether the student's masks take part
 */
export function maskdLoss(
  teacher: Tensor4D[],
  student: Tensor4D[],
  { tokens, refined = false }: { tokens: MaskTokens[]; refined?: boolean },
): Scalar {
  checkPyramids('maskdLoss', teacher, student);
  checkPerLevel('maskdLoss', 'tokens', tokens, teacher.length);
  return tf.tidy(() => tf.addN(teacher.map((feature, i) => {
    const [n, h, w, c] = feature.shape;
    const weights = withoutGradient(() => {
      const given = tokens[i].masks(feature);
      const masks = refined ? given.mul(tokens[i].masks(student[i])) : given;
      const sums = masks.sum([1, 2]); // [N, T]
      const factors = tokens[i].shares(feature).div(sums).expandDims(2); // [N, T, 1]
      return tf.matMul(masks.square().reshape([n, h * w, -1]), factors); // [N, HW, 1]
    });
    const squares = student[i].sub(feature).square().sum(3); // [N, H, W]
    return squares.reshape([n, h * w, 1]).mul(weights).sum().div(n * c) as Scalar;
  })));
}

export const maskd: ImitationKind<MaskdSettings> = {
  weights: ({ weight }) => ({ '': weight }),
  create({ weight, refineAfter = 1000 }, context) {
    const tokens = needed(context.prompt?.maskd, 'MasKD has a stage 1 of its own: tune its masks first');
    return projected(context, ({ teacher, step }, student) => ({
      maskd: { value: maskdLoss(teacher, student, { tokens, refined: step >= refineAfter }), weight },
    }));
  },
};
