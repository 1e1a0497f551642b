/** The process of one loss of `--costs`: is sent an experiment and a variant, answers with its cost. */
import type { Experiment } from '../../experiments/experiment';
import { stepCost } from '../../experiments/step-cost';
import { variantRow } from '../../runs/variants';

process.once('message', ({ experiment, variant }: { experiment: Experiment; variant: string }) => {
  void stepCost(experiment, variantRow(variant)).then((cost) => process.send!(cost, () => process.disconnect()));
});
