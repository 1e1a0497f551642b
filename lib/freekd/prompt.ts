/**
 * The semantic frequency prompt (method.md formula 2): tokens P [B, T, C], one set of T a frequency
 * band, that say which positions of a band matter. Tuned under a frozen teacher by its task loss
 * (stage 1), frozen in stage 2.
 *
 *   M_b = P_b R_b^T,   sigma(M_b) in (0, 1)^{N x H_b x W_b x T},   R^_b = (sum_i sigma(M_b,i)) R_b,   F^ = xi~({R^_b})
 *
 * The sum over tokens is taken before the product: exact, and no [N, T, H, W, C] tensor is built.
 * The paper does not normalise it, so a fresh prompt (tokens near 0, sigmoids near 1/2) scales the
 * feature by about T / 2.
 */
import { tf, type Tensor2D, type Tensor3D, type Tensor4D } from '../tf';
import { type Parameters } from '../core/parameters';
import { Random } from '../core/random';
import { checkMode, type WaveletMode, type WaveletModeName } from '../wavelet/boundary';
import { checkLevel } from '../wavelet/levels';
import { wavedec2, waverec2, type WaveletDecomposition } from '../wavelet/transform';
import { bandCount, bandsOf, decompositionOf } from './bands';
import { usableLevel } from './level';

export interface FrequencyPromptOptions {
  /** C of the teacher's feature. */
  channels: number;
  /** T; 2 in the paper. */
  tokens: number;
  /** Wavelet levels, 3 in the paper; B = 3 level + 1. */
  level: number;
  /** Default 'haar'; the paper names none, the authors' code has Haar. */
  wavelet?: string;
  /** Boundary mode, default 'zero' as in the authors' code; with Haar it matters for odd sizes only. */
  mode?: WaveletModeName;
  /** Use fewer levels on maps too small for `level` (see level.ts); default true. */
  clamp?: boolean;
  /** Seed of the tokens' start, normal with deviation 0.01 as in the authors' code; default 0. */
  seed?: number;
  /**
   * Where the tokens live as the parameter `<name>.tokens`, so that one optimizer trains the
   * prompts of all pyramid levels.
   */
  parameters?: Parameters;
  /** Default 'prompt'. */
  name?: string;
}

/** sigma(P_b R_b^T) of one band: [N, H, W, C] and tokens [T, C] -> [N, H, W, T]. */
export function bandMask(band: Tensor4D, tokens: Tensor2D): Tensor4D {
  const [n, h, w, c] = band.shape;
  return tf.matMul(band.reshape([n * h * w, c]), tokens, false, true).sigmoid().reshape([n, h, w, tokens.shape[0]]);
}

/** The T masks of a band as one weight map: [N, H, W, T] -> [N, H, W, 1]. */
export function collapse(mask: Tensor4D): Tensor4D {
  return mask.sum(3, true);
}

export class FrequencyPrompt {
  readonly channels: number;
  readonly numTokens: number;
  readonly level: number;
  readonly wavelet: string;
  readonly mode: WaveletMode;
  readonly clamp: boolean;
  private readonly source: () => Tensor3D;
  private readonly ownVariable: tf.Variable<tf.Rank.R3> | undefined;

  constructor({
    channels,
    tokens,
    level,
    wavelet = 'haar',
    mode = 'zero',
    clamp = true,
    seed = 0,
    parameters,
    name = 'prompt',
  }: FrequencyPromptOptions) {
    for (const [field, value] of Object.entries({ channels, tokens })) {
      if (!Number.isInteger(value) || value < 1)
        throw new Error(`FrequencyPrompt: ${field} must be an integer >= 1, is ${value}`);
    }
    checkLevel(level);
    this.channels = channels;
    this.numTokens = tokens;
    this.level = level;
    this.wavelet = wavelet;
    this.mode = checkMode(mode);
    this.clamp = clamp;
    const shape: [number, number, number] = [bandCount(level), tokens, channels];
    const start = new Random(seed).fork(`${name}.tokens`).normals(shape[0] * shape[1] * shape[2], 0, 0.01);
    if (parameters) {
      const parameter = parameters.create(`${name}.tokens`, shape, start);
      this.source = () => parameter.value as Tensor3D;
    } else {
      const variable = tf.tidy(() => tf.variable(tf.tensor3d(start, shape)));
      this.ownVariable = variable;
      this.source = () => variable;
    }
  }

  /**
   * P [B, T, C]: a `tf.Variable` of this prompt's own, or, in a `Parameters` store, the parameter's
   * present value.
   */
  get tokens(): Tensor3D {
    return this.source();
  }

  /**
   * The masks of a teacher's decomposition, differentiable by the tokens.
   * @param decomposition of a [N, H, W, C] feature, with `level` levels or fewer: then the tokens
   *   of the detail levels it lacks are unused, and LL's tokens serve its own LL
   * @returns one [N, H_b, W_b, T] a band, in (0, 1), ordered as in bands.ts
   */
  masks(decomposition: WaveletDecomposition): Tensor4D[] {
    const levels = decomposition.details.length;
    const channels = decomposition.approximation.shape[3];
    if (levels > this.level) {
      throw new Error(
        `FrequencyPrompt.masks: the decomposition has ${levels} levels, the prompt ` +
          `${this.level}; transform with level ${this.level} or fewer`,
      );
    }
    if (channels !== this.channels) {
      throw new Error(
        `FrequencyPrompt.masks: the feature has ${channels} channels, the prompt was made for ${this.channels}`,
      );
    }
    return tf.tidy(() => {
      const tokens = tf.unstack(this.tokens) as Tensor2D[]; // B of [T, C]
      const missing = 3 * (this.level - levels);
      return bandsOf(decomposition).map((band, b) => bandMask(band, tokens[b === 0 ? 0 : b + missing]));
    });
  }

  /**
   * Prompts a teacher's feature: F^ = xi~({R^_b}), differentiable by the tokens and by the feature.
   * @param feature [N, H, W, C]
   * @returns the prompted feature [N, H, W, C], and the masks for `promptDissimilarity`
   */
  apply(feature: Tensor4D): { feature: Tensor4D; masks: Tensor4D[] } {
    const { wavelet, mode } = this;
    const size: [number, number] = [feature.shape[1], feature.shape[2]];
    const level = this.levelFor(size);
    return tf.tidy(() => {
      const decomposition = wavedec2(feature, { wavelet, mode, level });
      const masks = this.masks(decomposition);
      const bands = bandsOf(decomposition).map((band, b) => band.mul(collapse(masks[b])) as Tensor4D);
      return { feature: waverec2(decompositionOf(bands), { wavelet, mode, size }), masks };
    });
  }

  /** The number of wavelet levels that this prompt uses on a map of `size` [H, W]. */
  levelFor(size: [number, number]): number {
    return this.clamp ? usableLevel(size, this.level) : this.level;
  }

  /** Frees the tokens, unless they live in a `Parameters` store, which frees its own. */
  dispose(): void {
    this.ownVariable?.dispose();
  }
}
