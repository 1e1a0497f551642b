/**
 * Stage 1: the semantic frequency prompt, and the gate of the position-aware relation, tuned under
 * the frozen teacher (method.md formulas 2 to 4).
 *
 *   L_prompt = L_finetune + lambda L_dis
 *
 * L_finetune is the teacher's own detection loss with its pyramid replaced by the prompted one,
 * each level scaled by omega of mean 1 where the gate is tuned too. Nothing of the teacher changes,
 * batch norm included; its pyramids may come from a cache.
 */
import { PositionRelation } from '../freekd/relation';
import { FrequencyPrompt, type FrequencyPromptOptions } from '../freekd/prompt';
import { promptDissimilarity, type DissimilarityOptions } from '../freekd/dissimilarity';
import { ReleasedPrompt, releasedDissimilarity, releasedPrompted } from '../freekd/released-prompt';
import { Parameters } from '../core/parameters';
import type { Batch } from '../data/types';
import type { Loader } from '../coco/loader';
import { tf } from '../tf';
import type { Scalar, Tensor4D } from '../tf';
import { connect, world } from '../train/distributed/communicator';
import { checkShards, sharedLosses } from '../train/distributed/shares';
import { train, type LossParts, type TrainOptions, type TrainResult } from '../train/loop';
import type { TeacherFeatures } from './feature-cache';
import type { Teacher } from './teacher';

export type PromptDesign =
  | {
      profile: 'paper';
      /** T. */
      tokens: number;
      /** Wavelet levels, clamped on small maps. */
      level: number;
      wavelet: string;
      mode: FrequencyPromptOptions['mode'];
      /** Whether to tune the gate of the relation beside the prompt. */
      gate: boolean;
    }
  | { profile: 'released'; tokens: number };

/**
 * What stage 1 learns: for each pyramid level a prompt (and a gate), with all their parameters in
 * one store.
 */
export interface PromptState {
  parameters: Parameters;
  prompts?: FrequencyPrompt[];
  relations?: PositionRelation[];
  /** The prompts of profile `released`. */
  released?: ReleasedPrompt[];
}

/** Fresh prompts (and gates) for a pyramid of `levels` levels. The caller disposes `parameters`. */
export function createPromptState(
  levels: number,
  channels: number,
  config: PromptDesign,
  seed: number,
): PromptState {
  const parameters = new Parameters();
  const each = Array.from({ length: levels }, (_, i) => i);
  if (config.profile === 'released') {
    const { tokens } = config;
    return {
      parameters,
      released: each.map((i) => new ReleasedPrompt({ channels, tokens, seed, parameters, name: `prompts.${i}` })),
    };
  }
  const { tokens, level, wavelet, mode, gate } = config;
  const prompts = each.map(
    (i) => new FrequencyPrompt({ channels, tokens, level, wavelet, mode, seed, parameters, name: `prompts.${i}` }),
  );
  const relations = gate
    ? each.map((i) => new PositionRelation({ channels, seed, parameters, name: `relations.${i}` }))
    : undefined;
  return { parameters, prompts, relations };
}

/** psi(F): the next coarser pyramid level, the level itself at the coarsest. */
export function nextLevel(pyramid: Tensor4D[], level: number): Tensor4D {
  return pyramid[Math.min(level + 1, pyramid.length - 1)];
}

/**
 * The loss of stage 1 on one batch: the teacher's classification and box losses and the
 * dissimilarity.
 */
export function promptLoss(
  teacher: Teacher,
  state: PromptState,
  pyramid: Tensor4D[],
  { targets, origins }: Pick<Batch, 'targets' | 'origins'>,
  options: DissimilarityOptions & { lambda: number; seed?: string },
): LossParts {
  const dissimilarities: Scalar[] = [];
  const { lambda, similarity, pairs, seed } = options;
  const prompted = pyramid.map((map, level) => {
    const released = state.released?.[level];
    const { feature, masks } = released
      ? releasedPrompted(released.tokens, map)
      : (state.prompts as FrequencyPrompt[])[level].apply(map);
    if (lambda > 0)
      dissimilarities.push(released ? releasedDissimilarity(masks) : promptDissimilarity(masks, { similarity, pairs }));
    if (!state.relations) return feature;
    const omega = state.relations[level].weights(map, nextLevel(pyramid, level)); // [N, C]
    return tf.mul(feature, omega.expandDims(1).expandDims(1)) as Tensor4D; // [N, H, W, C]
  });
  const losses = teacher.detector.loss(teacher.head(prompted), targets, { extents: origins, seed });
  const parts: LossParts = sharedLosses(world(), losses);
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
  },
  run: Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep' | 'checkpointEvery'>,
): Promise<TrainResult> {
  const { teacher, features, state, loader, tuning, batchSize } = setup;
  if (state.released && (tuning.similarity !== 'dice' || tuning.pairs !== 'distinct'))
    throw new Error(
      `profile 'released' is tuned with dice over distinct pairs, not ${tuning.similarity} over ${tuning.pairs}`,
    );
  checkShards(await connect(), loader);
  return train<Batch>({
    ...run,
    stores: { prompt: state.parameters },
    schedule: { kind: 'cosine', base: tuning.learningRate, minimum: 1e-6, steps: tuning.steps },
    optimizer: { kind: 'adam', weightDecay: tuning.weightDecay },
    batchSize,
    batch: (step) => loader.batch(step),
    release: ({ images }) => images.dispose(),
    loss: (batch, step) => promptLoss(teacher, state, features(batch), batch, { ...tuning, seed: `prompt/${step}` }),
  });
}
