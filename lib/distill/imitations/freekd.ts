/**
 * L_FKD and L_FreeKD of profile `paper` (method.md formulas 1 and 5), and FreeKD+ in our reading.
 *
 * Of FreeKD+ (IEEE TPAMI 2026) the abstract alone could be had: no formula, number or code. It says
 * "relaxed alignment in the high-frequency domain", "stronger alignment for low-frequency features",
 * and masks refined "by reconstructing the regions of interest based on the student's knowledge".
 * Our reading of the first two: a penalty and a weight for LL and for the details apart (`penalty`,
 * `bandWeights`; squared low and log-squared high is what its nearest kin with formulas do, FreqKD
 * and FD-CanKD, 2026). Of the third: masks m_t * m_s after a warm-up (`refineAfter`), the customised
 * masks of MasKD. That the authors mean these is not known.
 */
import { freekdLoss, type FreeKDLossInput, type MaskFunction } from '../../freekd/freekd';
import { needed, projected, type ImitationKind } from './imitation';

/**
 * mu, and whether stage 1's masks (formula 2) and channel weights (formula 4) take part; without
 * both it is L_FKD. A function takes the place of stage 1's masks.
 */
export type FreeKDSettings = {
  mu: number;
  masks: boolean | MaskFunction;
  relation: boolean;
  /** From this step on, counted from 0, masks are multiplied by those of the student. Default never. */
  refineAfter?: number;
} & Pick<FreeKDLossInput, 'wavelet' | 'mode' | 'level' | 'bands' | 'reduction' | 'penalty' | 'bandWeights'>;

export const freekd: ImitationKind<FreeKDSettings> = {
  weights: ({ mu }) => ({ mu }),
  create({ mu, masks, relation, refineAfter = Infinity, ...options }, context) {
    const { prompt } = context;
    const own = typeof masks === 'function' ? masks : undefined;
    const prompts =
      masks === true ? needed(prompt?.prompts, 'masks come from stage 1: tune the prompt first') : undefined;
    const relations = relation
      ? needed(prompt?.relations, 'channel weights come from stage 1: tune the prompt with its gate first')
      : undefined;
    return projected(context, ({ teacher, step }, student) => {
      const refined = masks !== false && step >= refineAfter;
      const value = freekdLoss({ teacher, student, prompts, masks: own, relations, refined, ...options });
      return { freekd: { value, weight: mu, ...(options.reduction === 'sum' && { share: 1 }) } };
    });
  },
};
