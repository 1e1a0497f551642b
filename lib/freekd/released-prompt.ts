/**
 * The prompt of the authors' released code (method.md, profile `released`), value for value: Haar,
 * 3 levels, zero padding; four groups of tokens [4, T, C], the first for LL3, the others for the
 * detail levels 1, 2 and 3 (finest first). The three orientations of a detail level are summed to
 * predict one mask for all three.
 *
 * The released code has no trainer for it (stage 1); the prompted feature and its dissimilarity are
 * here. For odd sizes the inverse transform returns one more row or column; it is cropped here to
 * the feature's size.
 */
import { tf, type Scalar, type Tensor2D, type Tensor3D, type Tensor4D } from '../tf';
import { type Parameters } from '../core/parameters';
import { Random } from '../core/random';
import { wavedec2, waverec2, type WaveletDecomposition } from '../wavelet/transform';
import { bandsOf, decompositionOf, type Transform } from './bands';
import { promptDissimilarity } from './dissimilarity';
import { bandMask, collapse } from './prompt';

export const releasedTransform: Transform = { wavelet: 'haar', mode: 'zero', level: 3 };

/** The number of token groups: LL3 and three detail levels. */
const GROUPS = 4;

/** Throws unless `tokens` is [4, T, C]. */
export function checkReleasedTokens(where: string, tokens: Tensor3D, channels: number): void {
  if (tokens.rank === 3 && tokens.shape[0] === GROUPS && tokens.shape[2] === channels) return;
  throw new Error(`${where}: tokens are [${tokens.shape}], expected [4, T, C] with C = ${channels}`);
}

/**
 * One mask a group: sigma(tokens x LL3), then sigma(tokens x (H + V + D)) of detail levels 1, 2, 3.
 * @returns four [N, H, W, T], differentiable by the tokens
 */
export function releasedMasks(tokens: Tensor3D, { approximation, details }: WaveletDecomposition): Tensor4D[] {
  checkReleasedTokens('releasedMasks', tokens, approximation.shape[3]);
  return tf.tidy(() => {
    const groups = tf.unstack(tokens) as Tensor2D[];
    const summed = details
      .map(({ horizontal, vertical, diagonal }) => tf.addN([horizontal, vertical, diagonal]))
      .reverse();
    return [approximation, ...summed].map((band, g) => bandMask(band, groups[g]));
  });
}

/**
 * Spreads four values of groups over the ten bands in the order of bands.ts: LL3, then levels 3, 2,
 * 1, three each.
 */
export function groupsToBands<T>([ll, ...levels]: T[]): T[] {
  return [ll, ...levels.reverse().flatMap((value) => [value, value, value])];
}

/**
 * The stage 1 dissimilarity of the released code: Dice, the mean over distinct pairs and images,
 * summed over the groups.
 * @param masks of `releasedMasks`
 */
export function releasedDissimilarity(masks: Tensor4D[]): Scalar {
  return tf.tidy(() => promptDissimilarity(masks, { similarity: 'dice', pairs: 'distinct' }).mul(masks.length));
}

export interface ReleasedPromptOptions {
  channels: number;
  /** T, default 6 as in its RetinaNet config. */
  tokens?: number;
  /** Seed of the tokens' start, normal with deviation 0.01; default 0. */
  seed?: number;
  /** Where the tokens live, as `<name>.tokens`. */
  parameters: Parameters;
  /** Default 'prompt'. */
  name?: string;
}

/** The prompt with its trainable tokens, to be tuned as a `FrequencyPrompt` is. */
export class ReleasedPrompt {
  private readonly source: () => Tensor3D;

  constructor({ channels, tokens = 6, seed = 0, parameters, name = 'prompt' }: ReleasedPromptOptions) {
    const start = new Random(seed).fork(`${name}.tokens`).normals(GROUPS * tokens * channels, 0, 0.01);
    const parameter = parameters.create(`${name}.tokens`, [GROUPS, tokens, channels], start);
    this.source = () => parameter.value as Tensor3D;
  }

  /** [4, T, C], the parameter's present value. */
  get tokens(): Tensor3D {
    return this.source();
  }

  /**
   * The prompted feature [N, H, W, C] and the four masks; differentiable by the tokens and the
   * feature.
   */
  apply(feature: Tensor4D): { feature: Tensor4D; masks: Tensor4D[] } {
    return releasedPrompted(this.tokens, feature);
  }
}

/**
 * Multiplies the bands of a feature by the sums of their masks over tokens and transforms back; see
 * `ReleasedPrompt.apply`.
 */
export function releasedPrompted(tokens: Tensor3D, feature: Tensor4D): { feature: Tensor4D; masks: Tensor4D[] } {
  return tf.tidy(() => {
    const decomposition = wavedec2(feature, releasedTransform);
    const masks = releasedMasks(tokens, decomposition);
    const maps = groupsToBands(masks.map(collapse));
    const bands = bandsOf(decomposition).map((band, b) => band.mul(maps[b]) as Tensor4D);
    return {
      feature: waverec2(decompositionOf(bands), { ...releasedTransform, size: [feature.shape[1], feature.shape[2]] }),
      masks,
    };
  });
}
