/** L_FKD and L_FreeKD of profile `paper` (method.md formulas 1 and 5). */
import { freekdLoss, type FreeKDLossInput } from '../../freekd/freekd';
import { needed, projected, type ImitationKind } from './imitation';

/**
 * mu, and whether stage 1's masks (formula 2) and channel weights (formula 4) take part; without
 * both it is L_FKD.
 */
export type FreeKDSettings = { mu: number; masks: boolean; relation: boolean } & Pick<
  FreeKDLossInput,
  'wavelet' | 'mode' | 'level' | 'bands' | 'reduction'
>;

export const freekd: ImitationKind<FreeKDSettings> = {
  weights: ({ mu }) => ({ mu }),
  create({ mu, masks, relation, ...options }, context) {
    const { prompt } = context;
    const prompts = masks ? needed(prompt?.prompts, 'masks come from stage 1: tune the prompt first') : undefined;
    const relations = relation
      ? needed(prompt?.relations, 'channel weights come from stage 1: tune the prompt with its gate first')
      : undefined;
    return projected(context, ({ teacher }, student) => ({
      freekd: { value: freekdLoss({ teacher, student, prompts, relations, ...options }), weight: mu },
    }));
  },
};
