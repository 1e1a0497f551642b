/**
 * The two variants of the method as defaults in one place: `paper`, every formula with our readings
 * where the paper is silent, and `released`, the authors' code (method.md). Each field is the
 * default of the function or run that it names; experiments take stage 1 from here.
 */

export const paper = {
  transform: { wavelet: 'haar', mode: 'zero', level: 3, clamp: true },
  /** FrequencyPrompt. */
  prompt: { tokens: 2 },
  /** promptDissimilarity, with lambda of L_prompt = L_finetune + lambda L_dis. */
  dissimilarity: { similarity: 'jaccard', pairs: 'all', lambda: 1 },
  /** PositionRelation; trained in stage 1. */
  relation: { normalise: 'positions' },
  /**
   * freekdLoss, with mu of L_student = L_task + mu L_FreeKD; the paper prints none, 1 to 10 is the
   * order.
   */
  loss: { bands: 'all', reduction: 'mean', mu: 3 },
  /**
   * MasKD's recipe: PyTorch's Adam with coupled L2, cosine, batch norm in eval mode, all but the
   * prompt frozen.
   */
  stage1: { steps: 2000, learningRate: 0.01, weightDecay: 1e-3, finalLearningRate: 1e-6 },
} as const;

export const released = {
  transform: { wavelet: 'haar', mode: 'zero', level: 3, clamp: false },
  /** ReleasedPrompt. */
  prompt: { tokens: 6 },
  /** releasedDissimilarity; the released code has no stage 1, so lambda is the paper's. */
  dissimilarity: { similarity: 'dice', pairs: 'distinct', lambda: 1 },
  /** releasedFreeKDLoss, featureMSE, headSmoothL1. */
  loss: { freekd: 1, featureMSE: 5, regression: 1 },
  stage1: paper.stage1,
  /**
   * Its RetinaNet R101 -> R50 run: SGD, linear warm-up, steps, 8 x 2 images of 1333 x 800. Half of
   * them mirrored, as in the authors' working configs; the released file mirrors none.
   */
  stage2: {
    learningRate: 0.02, momentum: 0.9, weightDecay: 1e-4, clipNorm: 35, warmupSteps: 1000, warmupRatio: 0.001,
    epochs: 24, milestones: [16, 22], batch: 16, width: 1333, height: 800, flip: 0.5,
  },
} as const;
