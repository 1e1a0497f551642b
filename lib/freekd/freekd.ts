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
import { bandsOf, decompositionOf, type Transform } from './bands';
import { checkPerLevel, checkPyramids } from './checks';
import { frequencyLoss, type FrequencyOptions } from './loss';
import { type FrequencyPrompt } from './prompt';
import { relationWeights, type PositionRelation } from './relation';

/**
 * Masks of one pyramid level: one [N, H_b, W_b, T] a band, constants.
 * @param bands of the teacher's feature under `transform`, [N, H_b, W_b, C] each, ordered as in
 *   bands.ts
 * @param pyramidLevel counted from the finest, which is 0
 */
export type MaskFunction = (bands: Tensor4D[], transform: Transform, pyramidLevel: number) => Tensor4D[];

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
   * pyramid level, or a function that computes them.
   */
  masks?: Tensor4D[][] | MaskFunction;
  /** One a pyramid level. */
  relations?: PositionRelation[];
  /**
   * Whether each mask of a prompt or a function is multiplied by that of the student's own feature,
   * a constant too: it is then high where both see what the prompt looks for. Default false.
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

const maskedBy =
  (prompts: readonly FrequencyPrompt[]): MaskFunction =>
  (bands, _, i) =>
    prompts[i].masks(decompositionOf(bands));

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
  if (typeof masks !== 'function') checkPerLevel('freekdLoss', 'masks', masks, teacher.length);
  checkPerLevel('freekdLoss', 'relations', relations, teacher.length);
  if (prompts && masks) throw new Error('freekdLoss: pass either prompts or masks, not both');
  const computed = typeof masks === 'function' ? masks : prompts && maskedBy(prompts);
  if (refined && !computed)
    throw new Error('freekdLoss: refined masks are made by prompts or a function: pass prompts');
  return tf.tidy(() => {
    const levels = teacher.map((feature, i) => {
      const weights = relations && withoutGradient(() => omega(relations[i], teacher, student, i));
      const pair = { teacher: feature, student: student[i], weights };
      if (!computed) return frequencyLoss({ ...options, ...pair, masks: (masks as Tensor4D[][] | undefined)?.[i] });
      const own = prompts ? promptedOptions(prompts[i], options, i) : options;
      const masksOf = (map: Tensor4D, transform: Transform): Tensor4D[] =>
        computed(bandsOf(wavedec2(map, transform)), transform, i);
      return frequencyLoss({
        ...own,
        ...pair,
        masks(transform) {
          const given = masksOf(feature, transform);
          if (!refined) return given;
          const byStudent = masksOf(student[i], transform);
          return given.map((mask, b) => tf.mul(mask, byStudent[b]) as Tensor4D);
        },
      });
    });
    return tf.addN(levels).div(levels.length);
  });
}
