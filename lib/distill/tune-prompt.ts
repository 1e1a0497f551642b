/**
 * Stage 1: the semantic frequency prompt, and the gate of the position-aware relation, tuned under
 * the frozen teacher (method.md formulas 2 to 4). The masks of MasKD are tuned so too.
 *
 *   L_prompt = L_finetune + lambda L_dis
 *
 * L_finetune is the teacher's own detection loss with its pyramid replaced by the prompted one,
 * each level scaled by omega of mean 1 where the gate is tuned too. Nothing of the teacher changes,
 * batch norm included; its pyramids may come from a cache.
 */
import type { DissimilarityOptions } from '../freekd/dissimilarity';
import type { Batch } from '../data/types';
import type { Loader } from '../coco/loader';
import { tf } from '../tf';
import type { Scalar, Tensor4D } from '../tf';
import { alone, connect } from '../train/distributed/communicator';
import { train, type TrainOptions, type TrainResult } from '../train/loop';
import { amongRanks, checkShards, normalizersOf, sharedLosses } from '../train/shares';
import type { LossParts } from '../train/step';
import type { TeacherFeatures } from './feature-cache';
import type { PromptState } from './prompt-state';
import type { Teacher } from './teacher';
import { lossNormalizers, turnsOf } from './turns';

/**
 * The loss of stage 1 on one batch, or its part of one by `share`: the teacher's classification and
 * box losses and the dissimilarity.
 */
export function promptLoss(
  teacher: Teacher,
  state: PromptState,
  pyramid: Tensor4D[],
  { targets, origins }: Pick<Batch, 'targets' | 'origins'>,
  options: DissimilarityOptions & { lambda: number; seed?: string },
  share = amongRanks(alone),
): LossParts {
  const dissimilarities: Scalar[] = [];
  const { lambda, similarity, pairs, seed } = options;
  const prompted = pyramid.map((_, level) => {
    const { feature, masks } = state.apply(pyramid, level);
    if (lambda > 0) dissimilarities.push(state.dissimilarity(masks, { similarity, pairs }));
    return feature;
  });
  const losses = teacher.detector.loss(teacher.head(prompted), targets, { extents: origins, seed });
  const parts: LossParts = sharedLosses(losses, share(normalizersOf(losses)));
  if (lambda > 0)
    parts.dissimilarity = { value: tf.div(tf.addN(dissimilarities), dissimilarities.length) as Scalar, weight: lambda };
  return parts;
}

export interface PromptTuning extends Required<DissimilarityOptions> {
  /** Weight of the dissimilarity, 1 in the paper. */
  lambda: number;
  /** 2000 in the paper's lineage. */
  steps: number;
  /** Adam's rate, 0.01, falling along a cosine to 1e-6. */
  learningRate: number;
  /** L2, added to the gradient as PyTorch's Adam does; 1e-3. */
  weightDecay: number;
}

/**
 * Runs stage 1 on `state`, in place. Of a run of several ranks, `loader` gives this rank's part of
 * every batch of `batchSize` pictures.
 */
export async function tunePrompt(
  setup: {
    teacher: Teacher;
    features: TeacherFeatures;
    state: PromptState;
    loader: Loader;
    tuning: PromptTuning;
    batchSize: number;
    /** Into how many parts a batch (of one rank) is cut, to be learnt from in turns; default 1. */
    accumulate?: number;
  },
  run: Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep' | 'checkpointEvery'>,
): Promise<TrainResult> {
  const { teacher, features, state, loader, tuning, batchSize, accumulate } = setup;
  if (state.profile !== 'paper' && (tuning.similarity !== 'dice' || tuning.pairs !== 'distinct'))
    throw new Error(
      `profile '${state.profile}' is tuned with dice over distinct pairs, ` +
        `not ${tuning.similarity} over ${tuning.pairs}`,
    );
  checkShards(await connect(), loader);
  const seedOf = (step: number): string => `prompt/${step}`;
  return train<Batch>({
    ...run,
    stores: { prompt: state.parameters },
    schedule: { kind: 'cosine', base: tuning.learningRate, minimum: 1e-6, steps: tuning.steps },
    optimizer: { kind: 'adam', weightDecay: tuning.weightDecay },
    batchSize,
    batch: (step) => loader.batch(step),
    release: ({ images }) => images.dispose(),
    loss: (batch, step, share) =>
      promptLoss(teacher, state, features(batch), batch, { ...tuning, seed: seedOf(step) }, share),
    turns: turnsOf(accumulate, (batch, step) =>
      lossNormalizers(teacher.detector, batch, { extents: batch.origins, seed: seedOf(step) }, () => {
        const pyramid = features(batch);
        return teacher.head(pyramid.map((_, level) => state.apply(pyramid, level).feature));
      }),
    ),
  });
}
