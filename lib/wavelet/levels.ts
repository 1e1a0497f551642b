/**
 * The transform's levels as linear maps between lists of tensors: a picture [N, H, W, C] on one
 * side, on the other its coefficients in PyWavelets' order: approximation, then horizontal,
 * vertical, diagonal of each level, coarsest first.
 */
import { checkMode, type WaveletMode, type WaveletModeName } from './boundary';
import { directAnalysis } from './direct';
import { filterBank, type FilterBank } from './filter-bank';
import { haarAnalysis, haarSynthesis } from './haar';
import type { LinearMap, Size } from './linear';
import { coefficientCount, matrixAnalysis, matrixSynthesis, signalLength } from './matrix';
import { analysisPlan, plannedAnalysis, plannedSynthesis, type Plan } from './plan';
import { ownKernels } from '../core/native';

export interface WaveletOptions {
  /** One of `wavelets()`. */
  wavelet: string;
  /** How the picture goes on beyond its border. */
  mode: WaveletModeName;
}

/** The filters and the mode that `options` name; throws on an unknown name. */
export function resolve({ wavelet, mode }: WaveletOptions): { bank: FilterBank; mode: WaveletMode } {
  return { bank: filterBank(wavelet), mode: checkMode(mode) };
}

/** More than halve the largest side there is to one coefficient. */
const MOST_LEVELS = 64;

/** Throws unless `level` is a number of levels that a transform may have. */
export function checkLevel(level: number): void {
  if (!Number.isInteger(level) || level < 0 || level > MOST_LEVELS)
    throw new Error(`The level of a wavelet transform must be an integer from 0 to ${MOST_LEVELS}, not ${level}.`);
}

/** The size of the bands of one level. */
export function bandSize(options: WaveletOptions, size: Size): Size {
  const { bank, mode } = resolve(options);
  return [coefficientCount(size[0], mode, bank.length), coefficientCount(size[1], mode, bank.length)];
}

/** The size of the picture that the inverse of one level gives. */
export function pictureSize(options: WaveletOptions, size: Size): Size {
  const { bank, mode } = resolve(options);
  return [signalLength(size[0], mode, bank.length), signalLength(size[1], mode, bank.length)];
}

/** One level: [picture] -> [approximation, horizontal, vertical, diagonal]. */
export function analysis(options: WaveletOptions, size: Size): LinearMap {
  const { bank, mode } = resolve(options);
  if (ownKernels()) return plannedAnalysis({ ...options, mode }, size, bandSize(options, size));
  return bank.length === 2 ? haarAnalysis(mode, size) : matrixAnalysis(bank, mode, size);
}

/**
 * The inverse of one level: [approximation, horizontal, vertical, diagonal] of size `bands` -> the
 * upper left `size`.
 */
export function synthesis(options: WaveletOptions, bands: Size, size: Size): LinearMap {
  const { bank, mode } = resolve(options);
  if (ownKernels()) return plannedSynthesis({ ...options, mode }, bands, size);
  return bank.length === 2 ? haarSynthesis(bands, size) : matrixSynthesis(bank, mode, bands, size);
}

/** Whether a level may be computed from the approximation of the one before it; see direct.ts. */
function levelByLevel({ bank, mode }: ReturnType<typeof resolve>): boolean {
  return bank.length === 2 || (mode !== 'smooth' && mode !== 'antireflect');
}

/**
 * What the kernels of lib/native need for `multilevelAnalysis` in one call; nothing where they are
 * not in use or do not serve.
 */
export function multilevelPlan(options: WaveletOptions, size: Size, level: number): Plan | undefined {
  const { bank, mode } = resolve(options);
  checkLevel(level);
  if (!ownKernels() || !levelByLevel({ bank, mode })) return undefined;
  const sizes = [size];
  while (sizes.length <= level) sizes.push(bandSize(options, sizes[sizes.length - 1]));
  return analysisPlan({ ...options, mode }, sizes);
}

/** [picture of `size`] -> [approximation, details of level `level`, ..., details of level 1]. */
export function multilevelAnalysis(options: WaveletOptions, size: Size, level: number): LinearMap {
  const { bank, mode } = resolve(options);
  checkLevel(level);
  if (!levelByLevel({ bank, mode }) && level > 0) return directAnalysis({ ...options, mode }, size, level);
  const finestFirst: LinearMap[] = [];
  for (let current = size; finestFirst.length < level; current = bandSize(options, current)) {
    finestFirst.push(analysis(options, current));
  }
  const coarsestFirst = [...finestFirst].reverse();
  return {
    forward: ([x]) => {
      let coefficients = [x.clone()];
      for (const map of finestFirst)
        coefficients = [...map.forward(coefficients.slice(0, 1)), ...coefficients.slice(1)];
      return coefficients;
    },
    adjoint: ([approximation, ...details]) => {
      let x = approximation.clone();
      coarsestFirst.forEach((map, i) => ([x] = map.adjoint([x, ...details.slice(3 * i, 3 * i + 3)])));
      return [x];
    },
  };
}

/**
 * [approximation, details, coarsest first] -> [the upper left `size` of the picture]. `details` are
 * the sizes of the details, coarsest first. An approximation with a row or a column more than the
 * details of its level loses it.
 */
export function multilevelSynthesis(
  options: WaveletOptions,
  approximation: Size,
  details: Size[],
  size: Size,
): LinearMap {
  const levels = details.map((bands, i) => synthesis(options, bands, details[i + 1] ?? size));
  const first = crop(approximation, details[0] ?? size);
  return {
    forward: ([coarsest, ...bands]) => {
      let [x] = first.forward([coarsest]);
      levels.forEach((map, i) => ([x] = map.forward([x, ...bands.slice(3 * i, 3 * i + 3)])));
      return [x];
    },
    adjoint: ([x]) => {
      let coefficients = [x];
      for (const map of [...levels].reverse())
        coefficients = [...map.adjoint(coefficients.slice(0, 1)), ...coefficients.slice(1)];
      return [...first.adjoint(coefficients.slice(0, 1)), ...coefficients.slice(1)];
    },
  };
}

/** [N, H, W, C] -> its upper left `to`. */
function crop(from: Size, to: Size): LinearMap {
  if (from[0] === to[0] && from[1] === to[1]) return { forward: ([x]) => [x.clone()], adjoint: ([x]) => [x.clone()] };
  return {
    forward: ([x]) => [x.slice([0, 0, 0, 0], [-1, to[0], to[1], -1])],
    adjoint: ([x]) => [x.pad([[0, 0], [0, from[0] - to[0]], [0, from[1] - to[1]], [0, 0]])],
  };
}
