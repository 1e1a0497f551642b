/**
 * Stage 1 of both profiles as experiments hold it, what freekd/profiles.ts says, and of MasKD, all
 * tuned for a number of steps.
 */
import { paper, released } from '../freekd/profiles';
import type { PromptName, PromptSettings } from '../runs/variants';

/**
 * @param steps of stage 1; the default is MasKD's 2000
 * @param weightDecay of the tokens, in all
 */
export function promptsOf(
  steps: number = paper.stage1.steps,
  weightDecay: number = paper.stage1.weightDecay,
): Record<PromptName, PromptSettings> {
  const { wavelet, mode, level } = paper.transform;
  const rates = ({ learningRate }: typeof paper.stage1) => ({ steps, learningRate, weightDecay });
  const dissimilar = ({ dissimilarity: { lambda, similarity, pairs } }: typeof paper | typeof released) => ({
    lambda,
    similarity,
    pairs,
  });
  return {
    paper: {
      frequency: { profile: 'paper', tokens: paper.prompt.tokens, level, wavelet, mode, gate: true },
      tuning: { ...dissimilar(paper), ...rates(paper.stage1) },
    },
    released: {
      frequency: { profile: 'released', tokens: released.prompt.tokens },
      tuning: { ...dissimilar(released), ...rates(released.stage1) },
    },
    maskd: {
      frequency: { profile: 'maskd', tokens: 6 },
      tuning: { lambda: 1, similarity: 'dice', pairs: 'distinct', ...rates(paper.stage1) },
    },
  };
}
