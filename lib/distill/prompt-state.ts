/**
 * What stage 1 tunes: for each pyramid level a prompt, under profile `paper` with the gate of the
 * relation beside it, and how it changes the teacher's pyramid meanwhile. A design is one entry of
 * `designs`; how it is tuned stands in tune-prompt.ts.
 */
import { promptDissimilarity, type DissimilarityOptions } from '../freekd/dissimilarity';
import { FrequencyPrompt, type FrequencyPromptOptions } from '../freekd/prompt';
import { PositionRelation } from '../freekd/relation';
import { ReleasedPrompt, releasedDissimilarity } from '../freekd/released-prompt';
import { Parameters } from '../core/parameters';
import { tf, type Scalar, type Tensor4D } from '../tf';
import { MaskTokens } from './mask-tokens';

interface Designs {
  paper: {
    profile: 'paper';
    /** T. */
    tokens: number;
    /** Wavelet levels, clamped on small maps. */
    level: number;
    wavelet: string;
    mode: FrequencyPromptOptions['mode'];
    /** Whether to tune the gate of the relation beside the prompt. */
    gate: boolean;
  };
  released: { profile: 'released'; tokens: number };
  /** The masks of MasKD, in maps and not in bands. */
  maskd: { profile: 'maskd'; tokens: number };
}

export type PromptDesign = Designs[keyof Designs];

/** What stage 1 learns, with all its parameters in one store. */
export interface PromptState {
  profile: PromptDesign['profile'];
  parameters: Parameters;
  /** Level `level` of the teacher's pyramid as its head sees it in stage 1, and its masks. */
  apply(pyramid: readonly Tensor4D[], level: number): { feature: Tensor4D; masks: Tensor4D[] };
  /** How alike the masks of a level are. */
  dissimilarity(masks: Tensor4D[], options: DissimilarityOptions): Scalar;
  prompts?: FrequencyPrompt[];
  relations?: PositionRelation[];
  /** The prompts of profile `released`. */
  released?: ReleasedPrompt[];
  /** The masks of MasKD. */
  maskd?: MaskTokens[];
}

/** What is common to the prompts of all levels. */
interface Making {
  parameters: Parameters;
  channels: number;
  seed: number;
  /** The pyramid's levels, from 0. */
  levels: number[];
}

/** psi(F): the next coarser pyramid level, the level itself at the coarsest. */
export function nextLevel(pyramid: readonly Tensor4D[], level: number): Tensor4D {
  return pyramid[Math.min(level + 1, pyramid.length - 1)];
}

const designs: { [Profile in keyof Designs]: (design: Designs[Profile], making: Making) => PromptState } = {
  paper({ tokens, level, wavelet, mode, gate }, { parameters, channels, seed, levels }) {
    const prompts = levels.map(
      (i) => new FrequencyPrompt({ channels, tokens, level, wavelet, mode, seed, parameters, name: `prompts.${i}` }),
    );
    const relations = gate
      ? levels.map((i) => new PositionRelation({ channels, seed, parameters, name: `relations.${i}` }))
      : undefined;
    return {
      profile: 'paper',
      parameters,
      prompts,
      relations,
      apply(pyramid, i) {
        const map = pyramid[i];
        const { feature, masks } = prompts[i].apply(map);
        if (!relations) return { feature, masks };
        const omega = relations[i].weights(map, nextLevel(pyramid, i)); // [N, C]
        return { feature: tf.mul(feature, omega.expandDims(1).expandDims(1)) as Tensor4D, masks };
      },
      dissimilarity: promptDissimilarity,
    };
  },
  released({ tokens }, { parameters, channels, seed, levels }) {
    const released = levels.map(
      (i) => new ReleasedPrompt({ channels, tokens, seed, parameters, name: `prompts.${i}` }),
    );
    return {
      profile: 'released',
      parameters,
      released,
      apply: (pyramid, i) => released[i].apply(pyramid[i]),
      dissimilarity: (masks) => releasedDissimilarity(masks),
    };
  },
  maskd({ tokens }, { parameters, channels, seed, levels }) {
    const maskd = levels.map((i) => new MaskTokens({ channels, tokens, seed, parameters, name: `masks.${i}` }));
    return {
      profile: 'maskd',
      parameters,
      maskd,
      apply: (pyramid, i) => maskd[i].apply(pyramid[i]),
      // Summed over levels in its code, where stage 1 here takes their mean.
      dissimilarity: (masks) =>
        tf.mul(promptDissimilarity(masks, { similarity: 'dice', pairs: 'distinct' }), levels.length) as Scalar,
    };
  },
};

/** Fresh prompts (and gates) for a pyramid of `levels` levels. The caller disposes `parameters`. */
export function createPromptState(levels: number, channels: number, design: PromptDesign, seed: number): PromptState {
  const create = designs[design.profile] as (design: PromptDesign, making: Making) => PromptState;
  const each = Array.from({ length: levels }, (_, i) => i);
  return create(design, { parameters: new Parameters(), channels, seed, levels: each });
}
