/**
 * Profile `released`, the losses of the authors' RetinaNet config: their frequency loss, feature
 * MSE and smooth L1 on the box outputs. A part of weight 0 is not built.
 */
import { featureMSE, headSmoothL1 } from '../../freekd/feature-mse';
import { releasedFreeKDLoss } from '../../freekd/released';
import type { LossParts } from '../../train/step';
import { needed, projected, type ImitationKind } from './imitation';

/** The weights of its parts. */
export interface ReleasedSettings {
  frequency: number;
  mse: number;
  regression: number;
}

export const released: ImitationKind<ReleasedSettings> = {
  weights: (settings) => ({ ...settings }),
  create({ frequency, mse, regression }, context) {
    const prompts =
      frequency > 0
        ? needed(context.prompt?.released, "profile 'released' has a stage 1 of its own: tune its prompt first")
        : [];
    const imitation = projected(context, (input, student) => {
      const { teacher } = input;
      const parts: LossParts = {};
      if (mse > 0) parts.mse = { value: featureMSE(teacher, student), weight: mse };
      if (frequency > 0) {
        const tokens = prompts.map((prompt) => prompt.tokens);
        parts.freekd = { value: releasedFreeKDLoss({ teacher, student, tokens }), weight: frequency };
      }
      if (regression > 0) {
        const given = needed(input.teacherRegression, "the teacher's head has not run");
        const value = headSmoothL1(given, input.regression);
        parts.regression = { value, weight: regression, share: input.regressionShare };
      }
      return parts;
    });
    return { ...imitation, readsHead: regression > 0 };
  },
};
