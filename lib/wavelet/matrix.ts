/**
 * One level of any wavelet in any boundary mode. Along one axis the transform is a linear map of n
 * numbers, here an explicit matrix: rows of low pass, then of high pass. It is built in float64
 * from PyWavelets' definition, so that odd and tiny sizes need no special treatment and the adjoint
 * is the transpose; height and width take one product each.
 *
 * Analysis: output o is sum_j filter[j] x[s + 2o - j], x extended by the mode, s = 1, floor((n + F
 * - 1) / 2) outputs; `periodization`: s = F / 2, ceil(n / 2) outputs. Synthesis: x[t] = sum_o
 * filter[t + F - 2 - 2o] c[o], 2m - F + 2 values of m coefficients; `periodization`: indices modulo
 * 2m, F / 2 - 1 in place of F - 2, 2m values.
 */
import { tf, type Tensor2D, type Tensor4D } from '../tf';
import { extended, type WaveletMode } from './boundary';
import type { FilterBank } from './filter-bank';
import type { LinearMap } from './linear';

/** A matrix by rows. */
export interface Matrix {
  rows: number;
  columns: number;
  data: Float64Array;
}

/**
 * Below this many channels one large product with transposed rows is faster than many narrow ones
 * (pictures: 14 times).
 */
const FEW_CHANNELS = 16;

/** How many low-pass coefficients (and as many high-pass ones) a signal of n numbers has. */
export function coefficientCount(n: number, mode: WaveletMode, filterLength: number): number {
  return mode === 'periodization' ? Math.ceil(n / 2) : Math.floor((n + filterLength - 1) / 2);
}

/** How many numbers the synthesis gives from m coefficients. */
export function signalLength(m: number, mode: WaveletMode, filterLength: number): number {
  return mode === 'periodization' ? 2 * m : 2 * m - filterLength + 2;
}

/** [2 m, n]: the low-pass, then the high-pass coefficients of a signal of n numbers. */
export function analysisMatrix(bank: FilterBank, mode: WaveletMode, n: number): Matrix {
  const m = coefficientCount(n, mode, bank.length);
  const data = new Float64Array(2 * m * n);
  const shift = mode === 'periodization' ? bank.length / 2 : 1;
  for (let o = 0; o < m; o++) {
    for (let j = 0; j < bank.length; j++) {
      for (const { index, weight } of extended(mode, n, shift + 2 * o - j)) {
        data[o * n + index] += weight * bank.analysis.low[j];
        data[(m + o) * n + index] += weight * bank.analysis.high[j];
      }
    }
  }
  return { rows: 2 * m, columns: n, data };
}

/**
 * [n, 2 m]: the first n numbers of the signal that has these m low-pass and m high-pass
 * coefficients.
 */
export function synthesisMatrix(bank: FilterBank, mode: WaveletMode, m: number, n: number): Matrix {
  const data = new Float64Array(n * 2 * m);
  const periodic = mode === 'periodization';
  const shift = periodic ? bank.length / 2 - 1 : bank.length - 2;
  for (let o = 0; o < m; o++) {
    for (let k = 0; k < bank.length; k++) {
      const position = 2 * o + k - shift;
      const t = periodic ? ((position % (2 * m)) + 2 * m) % (2 * m) : position;
      if (t < 0 || t >= n) continue;
      data[t * 2 * m + o] += bank.synthesis.low[k];
      data[t * 2 * m + m + o] += bank.synthesis.high[k];
    }
  }
  return { rows: n, columns: 2 * m, data };
}

/** [N, H, W, C] -> approximation, horizontal, vertical, diagonal. */
export function matrixAnalysis(
  bank: FilterBank,
  mode: WaveletMode,
  [height, width]: readonly [number, number],
): LinearMap {
  return analysisBy(analysisMatrix(bank, mode, height), analysisMatrix(bank, mode, width));
}

/** Approximation, horizontal, vertical, diagonal -> the upper left `size` of the synthesis. */
export function matrixSynthesis(
  bank: FilterBank,
  mode: WaveletMode,
  [rows, columns]: readonly [number, number],
  [height, width]: readonly [number, number],
): LinearMap {
  const vertical = synthesisMatrix(bank, mode, rows, height);
  const horizontal = synthesisMatrix(bank, mode, columns, width);
  return {
    forward: (bands) => [multiply(pack(bands), vertical, horizontal, false)],
    adjoint: ([x]) => unpack(multiply(x, vertical, horizontal, true)),
  };
}

/** [N, H, W, C] -> approximation, horizontal, vertical, diagonal, by the matrices of height and width. */
export function analysisBy(vertical: Matrix, horizontal: Matrix): LinearMap {
  return {
    forward: ([x]) => unpack(multiply(x, vertical, horizontal, false)),
    adjoint: (bands) => [multiply(pack(bands), vertical, horizontal, true)],
  };
}

/**
 * x [N, H, W, C] with `vertical` applied along H and `horizontal` along W; both transposed if
 * asked.
 */
function multiply(x: Tensor4D, vertical: Matrix, horizontal: Matrix, transpose: boolean): Tensor4D {
  const [n, h, w, c] = x.shape;
  const outHeight = transpose ? vertical.columns : vertical.rows;
  const outWidth = transpose ? horizontal.columns : horizontal.rows;
  const tall = tf.matMul(tensor(vertical), x.reshape([n, h, w * c]), transpose); // [N, H', W C]
  if (c >= FEW_CHANNELS) {
    const wide = tf.matMul(tensor(horizontal), tall.reshape([n * outHeight, w, c]), transpose); // [N H', W', C]
    return wide.reshape([n, outHeight, outWidth, c]);
  }
  const rows = tall.reshape([n * outHeight, w, c]).transpose([0, 2, 1]).reshape([n * outHeight * c, w]);
  const wide = tf.matMul(rows, tensor(horizontal), false, !transpose); // [N H' C, W']
  return wide.reshape([n * outHeight, c, outWidth]).transpose([0, 2, 1]).reshape([n, outHeight, outWidth, c]);
}

function tensor(matrix: Matrix): Tensor2D {
  return tf.tensor2d(Float32Array.from(matrix.data), [matrix.rows, matrix.columns]);
}

/** The four bands as quarters of one picture: low pass above and to the left. */
function pack([approximation, horizontal, vertical, diagonal]: Tensor4D[]): Tensor4D {
  return tf.concat([tf.concat([approximation, vertical], 2), tf.concat([horizontal, diagonal], 2)], 1);
}

function unpack(packed: Tensor4D): Tensor4D[] {
  const [top, bottom] = tf.split(packed, 2, 1);
  const [approximation, vertical] = tf.split<Tensor4D>(top, 2, 2);
  const [horizontal, diagonal] = tf.split<Tensor4D>(bottom, 2, 2);
  return [approximation, horizontal, vertical, diagonal];
}
