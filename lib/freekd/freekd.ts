/**
 * L_FreeKD over a feature pyramid (method.md formula 5), profile `paper`: the mean over pyramid
 * levels of
 *
 *   sum_b omega^r || M_b * a_b - M_b * c_b ||_1
 *
 * with the masks of stage 1's prompts, predicted from the teacher, and omega^r = omega^t * omega^s
 * of stage 1's gates. Without prompts and relations it is L_FKD (formula 1). L_student = L_task +
 * mu L_FreeKD; under the default `reduction` mu is of order 10 to 100 (data/README.md: 30).
 */
import { tf, type Scalar, type Tensor2D, type Tensor4D } from '../tf';
import { checkMode } from '../wavelet/boundary';
import { wavedec2 } from '../wavelet/transform';
import { withoutGradient } from './band-distance';
import type { Transform } from './bands';
import { checkPerLevel, checkPyramids } from './checks';
import { frequencyLoss, type FrequencyOptions } from './loss';
import { type FrequencyPrompt } from './prompt';
import { relationWeights, type PositionRelation } from './relation';

export interface FreeKDLossInput extends FrequencyOptions {
  /** F^t, one [N, H, W, C] a pyramid level, finest first; constants. */
  teacher: Tensor4D[];
  /** phi(F^s), of the teacher's shapes; differentiable. */
  student: Tensor4D[];
  /**
   * One a pyramid level, frozen here; `level`, `wavelet`, `mode` and `clamp` default to each
   * prompt's own.
   */
  prompts?: FrequencyPrompt[];
  /**
   * In place of prompts: masks computed before (for a fixed image they never change), one list a
   * pyramid level.
   */
  masks?: Tensor4D[][];
  /** One a pyramid level. */
  relations?: PositionRelation[];
  /**
   * Whether each mask of a prompt is multiplied by that of the student's own feature, a constant
   * too: it is then high where both see what the prompt looks for. Default false.
   */
  refined?: boolean;
}

/** omega^r [N, C] of pyramid level `i`: each side's psi comes from its own next coarser level. */
function omega(relation: PositionRelation, teacher: Tensor4D[], student: Tensor4D[], i: number): Tensor2D {
  const gate = (pyramid: Tensor4D[]): Tensor2D => relation.gate(pyramid[i], pyramid[i + 1] ?? pyramid[i]);
  return relationWeights(gate(teacher), gate(student));
}

/**
 * Transform settings of a prompted level: the prompt's own; an explicit option that differs is an
 * error.
 */
function promptedOptions(prompt: FrequencyPrompt, options: FrequencyOptions, i: number): FrequencyOptions {
  const given = { wavelet: options.wavelet, mode: options.mode && checkMode(options.mode) };
  for (const field of ['wavelet', 'mode'] as const) {
    if (given[field] !== undefined && given[field] !== prompt[field]) {
      throw new Error(
        `freekdLoss: ${field} is '${given[field]}', but prompts[${i}] was ` +
          `made for '${prompt[field]}'; leave the option out`,
      );
    }
  }
  return {
    ...options,
    wavelet: prompt.wavelet,
    mode: prompt.mode,
    level: options.level ?? prompt.level,
    clamp: options.clamp ?? prompt.clamp,
  };
}

/** The FreeKD loss; a scalar, differentiable by the student. Masks and omega are constants. */
export function freekdLoss({
  teacher,
  student,
  prompts,
  masks,
  relations,
  refined = false,
  ...options
}: FreeKDLossInput): Scalar {
  checkPyramids('freekdLoss', teacher, student);
  checkPerLevel('freekdLoss', 'prompts', prompts, teacher.length);
  checkPerLevel('freekdLoss', 'masks', masks, teacher.length);
  checkPerLevel('freekdLoss', 'relations', relations, teacher.length);
  if (prompts && masks) throw new Error('freekdLoss: pass either prompts or masks, not both');
  if (refined && !prompts) throw new Error('freekdLoss: refined masks are made by prompts: pass prompts');
  return tf.tidy(() => {
    const levels = teacher.map((feature, i) => {
      const weights = relations && withoutGradient(() => omega(relations[i], teacher, student, i));
      const pair = { teacher: feature, student: student[i], weights };
      if (!prompts) return frequencyLoss({ ...options, ...pair, masks: masks?.[i] });
      const prompted = promptedOptions(prompts[i], options, i);
      const masksOf = (map: Tensor4D, transform: Transform): Tensor4D[] => prompts[i].masks(wavedec2(map, transform));
      return frequencyLoss({
        ...prompted,
        ...pair,
        masks(transform) {
          const given = masksOf(feature, transform);
          if (!refined) return given;
          const own = masksOf(student[i], transform);
          return given.map((mask, b) => tf.mul(mask, own[b]) as Tensor4D);
        },
      });
    });
    return tf.addN(levels).div(levels.length);
  });
}
