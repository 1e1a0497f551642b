/**
 * The bands of a wavelet decomposition as a flat list, in the order that every mask, token and
 * table of FreeKD uses: LL of the coarsest level, then (horizontal, vertical, diagonal) of each
 * level, coarsest first. B = 3 level + 1.
 */
import { type Tensor4D } from '../tf';
import { type WaveletMode } from '../wavelet/boundary';
import { bandSize } from '../wavelet/levels';
import type { Size } from '../wavelet/linear';
import { type WaveletDecomposition } from '../wavelet/transform';

/** A wavelet transform of a known number of levels. */
export interface Transform {
  wavelet: string;
  mode: WaveletMode;
  level: number;
}

/** How many bands a decomposition of `level` levels has. */
export function bandCount(level: number): number {
  return 3 * level + 1;
}

/**
 * The names of the bands in order: `LL3, H3, V3, D3, H2, ... D1`; PyWavelets' (H, V, D) are the
 * papers' (LH, HL, HH).
 */
export function bandNames(level: number): string[] {
  const details = Array.from({ length: level }, (_, i) =>
    ['H', 'V', 'D'].map((orientation) => `${orientation}${level - i}`),
  );
  return [`LL${level}`, ...details.flat()];
}

/** The bands of a decomposition in order, B tensors [N, H_b, W_b, C]. */
export { coefficients as bandsOf } from '../wavelet/transform';

/** The shapes of the bands of a feature [N, H, W, C], in order. */
export function bandShapes(
  [n, h, w, c]: [number, number, number, number],
  { level, ...options }: Transform,
): [number, number, number, number][] {
  let size: Size = [h, w];
  const details = Array.from({ length: level }, () => (size = bandSize(options, size))).reverse();
  return [size, ...details.flatMap((one) => [one, one, one])].map(([rows, columns]) => [n, rows, columns, c]);
}

/** The inverse of `bandsOf`. */
export function decompositionOf(bands: Tensor4D[]): WaveletDecomposition {
  const level = (bands.length - 1) / 3;
  return {
    approximation: bands[0],
    details: Array.from({ length: level }, (_, i) => ({
      level: level - i,
      horizontal: bands[3 * i + 1],
      vertical: bands[3 * i + 2],
      diagonal: bands[3 * i + 3],
    })),
  };
}
