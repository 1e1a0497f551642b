/**
 * The control that every claim is measured against: the squared difference of the features, mean
 * of each level, summed over levels.
 */
import { featureMSE } from '../../freekd/feature-mse';
import { projected, type ImitationKind } from './imitation';

/** Its settings are its weight. */
export const featureMse: ImitationKind<number> = {
  weights: (weight) => ({ '': weight }),
  create: (weight, context) =>
    projected(context, ({ teacher }, imitated) => ({ mse: { value: featureMSE(teacher, imitated), weight } })),
};
