/**
 * The analysis of `smooth` and `antireflect` by long filters. These modes extrapolate over the length
 * of the filter, which would magnify the float32 rounding of one level's approximation by up to 100
 * in the next: every level is computed from the picture itself, by matrices composed in float64.
 */
import { ownKernels } from '../core/native';
import { tf } from '../tf';
import { filterBank } from './filter-bank';
import type { LinearMap, Size } from './linear';
import { analysisBy, analysisMatrix, type Matrix } from './matrix';
import { composedAnalysis, type Filtering } from './plan';

/** [N, H, W, C] -> [approximation, details of level `level` >= 1, ..., details of level 1]. */
export function directAnalysis(options: Filtering, size: Size, level: number): LinearMap {
  const matrices = (axis: 0 | 1): Matrix[] => composedMatrices(options, size[axis], level);
  const coarsestFirst = (
    ownKernels() ? composedAnalysis(options, size, level, matrices) : ofMatrices(matrices(0), matrices(1))
  ).reverse();
  return {
    forward: ([x]) => coarsestFirst.flatMap((map, i) => map.forward([x]).slice(i === 0 ? 0 : 1)),
    adjoint: ([approximation, ...details]) => [
      tf.addN(
        coarsestFirst.map((map, i) => {
          const [horizontal, vertical, diagonal] = details.slice(3 * i, 3 * i + 3);
          return map.adjoint([i === 0 ? approximation : tf.zerosLike(horizontal), horizontal, vertical, diagonal])[0];
        }),
      ),
    ],
  };
}

const ofMatrices = (vertical: Matrix[], horizontal: Matrix[]): LinearMap[] =>
  vertical.map((matrix, i) => analysisBy(matrix, horizontal[i]));

/**
 * For each level, finest first, the matrix from the signal of n numbers to the coefficients of that
 * level.
 */
function composedMatrices({ wavelet, mode }: Filtering, n: number, level: number): Matrix[] {
  const bank = filterBank(wavelet);
  const matrices = [analysisMatrix(bank, mode, n)];
  while (matrices.length < level) {
    const { rows, columns, data } = matrices[matrices.length - 1];
    const low = { rows: rows / 2, columns, data: data.subarray(0, (rows / 2) * columns) };
    matrices.push(product(analysisMatrix(bank, mode, low.rows), low));
  }
  return matrices;
}

/** a b, for an `a` with few entries other than 0. */
function product(a: Matrix, b: Matrix): Matrix {
  const data = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[i * a.columns + k];
      if (factor === 0) continue;
      for (let j = 0; j < b.columns; j++) data[i * b.columns + j] += factor * b.data[k * b.columns + j];
    }
  }
  return { rows: a.rows, columns: b.columns, data };
}
