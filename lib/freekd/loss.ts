/**
 * The frequency losses of one pyramid level: L_FKD (method.md formula 1), the L1 distance of
 * teacher and student in the wavelet domain, and with masks and channel weights the inner part of
 * L_FreeKD (formula 5):
 *
 *   sum_b omega^r || M_b * a_b - M_b * c_b ||_1,   a_b in xi(F^t), c_b in xi(phi(F^s))
 *
 * Our reading of the norm: absolute differences, weighted, summed over all bands and over the T
 * masks, divided by the number of coefficients of all bands together (option `reduction`). How it
 * is computed: band-distance.ts.
 */
import { tf, type Scalar, type Tensor2D, type Tensor4D } from '../tf';
import { checkMode, type WaveletModeName } from '../wavelet/boundary';
import { bandCount, type Transform } from './bands';
import { bandDistance } from './band-distance';
import { checkPair } from './checks';
import { usableLevel } from './level';
import { groupOf, penalties, type BandGroup, type Penalty } from './penalty';
import { collapse } from './prompt';

export interface FrequencyOptions {
  /** Default 'haar'; the paper names none, the authors' code has Haar. */
  wavelet?: string;
  /** Boundary mode, default 'zero' as in the authors' code; with Haar it matters for odd sizes only. */
  mode?: WaveletModeName;
  /** Default 3. */
  level?: number;
  /** Use fewer levels on maps too small for `level` (see level.ts); default true. */
  clamp?: boolean;
  /**
   * 'all' (default) or 'high': without LL. A map clamped to level 0 has no high band; its loss is
   * then 0.
   */
  bands?: 'all' | 'high';
  /**
   * 'mean' (default): the sum divided by the number of coefficients of the bands together.
   * 'band-mean': the mean of each band, then the mean of those; it gives a band of few coefficients
   * as much weight as one of many. 'sum': the literal norm, summed over images too.
   */
  reduction?: 'mean' | 'band-mean' | 'sum';
  /**
   * What a difference costs in LL and in the details, 'l1' by default. Another penalty is weighed
   * by the masks, sum_i sigma_i rho(d), as L1 is.
   */
  penalty?: Partial<Record<BandGroup, Penalty>>;
  /** Factors of LL and of the details after `reduction`, 1 by default. */
  bandWeights?: Partial<Record<BandGroup, number>>;
}

export interface FrequencyLossInput extends FrequencyOptions {
  /** F^t [N, H, W, C], a constant. */
  teacher: Tensor4D;
  /** phi(F^s) [N, H, W, C], differentiable. */
  student: Tensor4D;
  /**
   * sigma(M_b), one [N, H_b, W_b, T] a band ordered as in bands.ts, constants; their number decides
   * the level. Or a function that computes them for the transform in use, called where nothing is
   * recorded for a gradient.
   */
  masks?: Tensor4D[] | ((transform: Transform) => Tensor4D[]);
  /** omega^r [N, C]; differentiable. */
  weights?: Tensor2D;
}

/** The factor of each band; 0 leaves a band out. */
function reductionScales(
  shapes: number[][],
  bands: 'all' | 'high',
  reduction: 'mean' | 'band-mean' | 'sum',
  bandWeights: Record<BandGroup, number>,
): number[] {
  const sizes = shapes.map((shape, b) =>
    bands === 'high' && b === 0 ? 0 : shape.reduce((product, n) => product * n, 1),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const used = sizes.filter((size) => size > 0).length;
  return sizes.map((size, b) => {
    if (size === 0) return 0;
    return bandWeights[groupOf(b)] * (reduction === 'sum' ? 1 : 1 / (reduction === 'mean' ? total : used * size));
  });
}

/**
 * The level that the masks were made for; throws if it is none, or neither the requested level nor
 * the clamped one.
 */
function levelOfMasks(masks: Tensor4D[], requested: number | undefined, size: [number, number]): number {
  const level = (masks.length - 1) / 3;
  const fits =
    Number.isInteger(level) &&
    (requested === undefined || level === requested || level === usableLevel(size, requested));
  if (fits) return level;
  const expected =
    requested === undefined ? '3 level + 1 masks, one a band' : `${bandCount(requested)} masks for level ${requested}`;
  throw new Error(`frequencyLoss: there are ${masks.length} masks, expected ${expected}`);
}

/** Throws unless there is one mask a band and each has its band's positions. */
function checkMasks(masks: Tensor4D[], shapes: number[][]): void {
  if (!Array.isArray(masks))
    throw new Error('frequencyLoss: masks must be a list of tensors [N, H_b, W_b, T], one a band');
  if (masks.length !== shapes.length) {
    throw new Error(
      `frequencyLoss: there are ${masks.length} masks for ${shapes.length} ` +
        'bands; make them from a decomposition of the same level',
    );
  }
  masks.forEach((mask, b) => {
    if (mask.rank !== 4 || mask.shape.slice(0, 3).join() !== shapes[b].slice(0, 3).join()) {
      throw new Error(
        `frequencyLoss: masks[${b}] is [${mask.shape}], its band is ` +
          `[${shapes[b]}]; expected [${shapes[b].slice(0, 3)}, T]: ` +
          'make the masks from the same images, wavelet, mode and level',
      );
    }
  });
}

/**
 * The frequency loss of one pyramid level, with one custom gradient: to the student, and to the
 * weights where they are differentiable.
 * @returns a scalar
 */
export function frequencyLoss({
  teacher,
  student,
  masks,
  weights,
  wavelet = 'haar',
  mode = 'zero',
  level,
  clamp = true,
  bands = 'all',
  reduction = 'mean',
  penalty: { low = 'l1', high = 'l1' } = {},
  bandWeights = {},
}: FrequencyLossInput): Scalar {
  checkPair('frequencyLoss', teacher, student);
  if (bands !== 'all' && bands !== 'high')
    throw new Error(`frequencyLoss: bands must be 'all' or 'high', is '${bands}'`);
  if (reduction !== 'mean' && reduction !== 'band-mean' && reduction !== 'sum') {
    throw new Error(`frequencyLoss: reduction must be 'mean', 'band-mean' or 'sum', is '${reduction}'`);
  }
  const groupWeights = { low: 1, high: 1, ...bandWeights };
  for (const [group, value] of Object.entries({ low, high }))
    if (!penalties.includes(value))
      throw new Error(`frequencyLoss: penalty.${group} must be one of ${penalties.join(', ')}, is '${value}'`);
  for (const [group, value] of Object.entries(groupWeights))
    if (!(value >= 0 && value < Infinity))
      throw new Error(`frequencyLoss: bandWeights.${group} must be a number >= 0, is ${value}`);
  const [n, h, w, c] = student.shape;
  if (weights && weights.shape.join() !== [n, c].join()) {
    throw new Error(`frequencyLoss: weights is [${weights.shape}], expected one a channel, [N, C] = [${n}, ${c}]`);
  }
  const wanted = level ?? 3;
  const used = Array.isArray(masks) ? levelOfMasks(masks, level, [h, w]) : clamp ? usableLevel([h, w], wanted) : wanted;
  const transform = { wavelet, mode: checkMode(mode), level: used };
  const maps =
    masks &&
    ((shapes: number[][]): Tensor4D[] => {
      const list = Array.isArray(masks) ? masks : masks(transform);
      checkMasks(list, shapes);
      return list.map(collapse);
    });
  const scales = (shapes: number[][]): number[] => reductionScales(shapes, bands, reduction, groupWeights);
  return tf.tidy(() => bandDistance({ teacher, student, transform, scales, maps, weights, penalty: { low, high } }));
}
