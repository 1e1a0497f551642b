/**
 * One level of the Haar wavelet (haar, db1, bior1.1, rbio1.1) by sums and differences of
 * neighbours: for a 2x2 block [a b; c d] approximation (a + b + c + d) / 2, horizontal (a + b - c -
 * d) / 2, vertical (a - b + c - d) / 2, diagonal (a - b - c + d) / 2. An odd side is first
 * continued by one row or column as the boundary mode says.
 */
import { tf, type Tensor, type Tensor4D } from '../tf';
import { extended, type Term, type WaveletMode } from './boundary';
import type { LinearMap } from './linear';

type Size = readonly [height: number, width: number];

/**
 * [N, H, W, C] -> approximation, horizontal, vertical, diagonal, [N, ceil(H / 2), ceil(W / 2), C]
 * each.
 */
export function haarAnalysis(mode: WaveletMode, [height, width]: Size): LinearMap {
  const below = height % 2 === 0 ? undefined : extended(mode, height, height);
  const right = width % 2 === 0 ? undefined : extended(mode, width, width);
  return {
    forward: ([x]) => split(extend(extend(x, 1, below), 2, right)),
    adjoint: (bands) => [fold(fold(merge(bands), 2, right), 1, below)],
  };
}

/**
 * Approximation, horizontal, vertical, diagonal, [N, h, w, C] each -> the upper left `size` of [N,
 * 2 h, 2 w, C].
 */
export function haarSynthesis([rows, columns]: Size, [height, width]: Size): LinearMap {
  const cropped = height < 2 * rows || width < 2 * columns;
  return {
    forward: (bands) => {
      const x = merge(bands);
      return [cropped ? x.slice([0, 0, 0, 0], [-1, height, width, -1]) : x];
    },
    adjoint: ([x]) => split(cropped ? x.pad([[0, 0], [0, 2 * rows - height], [0, 2 * columns - width], [0, 0]]) : x),
  };
}

/** The four bands of x [N, 2 h, 2 w, C]. */
function split(x: Tensor4D): Tensor4D[] {
  const [n, height, width, c] = x.shape;
  const [h, w] = [height / 2, width / 2];
  const [top, bottom] = tf.split(x.mul(0.5).reshape([n * h, 2, width * c]), 2, 1);
  const [low, high] = [top.add(bottom), top.sub(bottom)].map((rows) => {
    const [left, right] = tf.split(rows.reshape([n * h * w, 2, c]), 2, 1);
    return [left.add(right), left.sub(right)].map((band) => band.reshape<Tensor4D>([n, h, w, c]));
  });
  return [low[0], high[0], low[1], high[1]];
}

/** The inverse of `split`, which is also its adjoint. */
function merge(bands: Tensor4D[]): Tensor4D {
  const [n, h, w, c] = bands[0].shape;
  const [approximation, horizontal, vertical, diagonal] = bands.map((band) => band.reshape([n * h * w, 1, c]));
  const pairs = (low: Tensor, high: Tensor, shape: number[]): Tensor =>
    tf.concat([low.add(high), low.sub(high)], 1).reshape(shape);
  const low = pairs(approximation, vertical, [n * h, 1, 2 * w * c]);
  const high = pairs(horizontal, diagonal, [n * h, 1, 2 * w * c]);
  return pairs(low, high, [n, 2 * h, 2 * w, c]).mul(0.5);
}

/**
 * x with one more row (axis 1) or column (axis 2), the sum of `terms`; x itself where there are
 * none to add.
 */
function extend(x: Tensor4D, axis: 1 | 2, terms: Term[] | undefined): Tensor4D {
  if (terms === undefined) return x;
  if (terms.length === 0) return x.pad([[0, 0], [0, axis === 1 ? 1 : 0], [0, axis === 2 ? 1 : 0], [0, 0]]);
  const added = terms.map(({ index, weight }) => line(x, axis, index).mul(weight) as Tensor4D);
  return tf.concat([x, tf.addN(added)], axis);
}

/** The adjoint of `extend`. */
function fold(y: Tensor4D, axis: 1 | 2, terms: Term[] | undefined): Tensor4D {
  if (terms === undefined) return y;
  const n = y.shape[axis] - 1;
  const [x, added] = tf.split<Tensor4D>(y, [n, 1], axis);
  return terms.reduce((sum, { index, weight }) => {
    const before = [0, 0, 0, 0].map(
      (_, i) => [i === axis ? index : 0, i === axis ? n - 1 - index : 0] as [number, number],
    );
    return sum.add(added.mul(weight).pad(before)) as Tensor4D;
  }, x);
}

/** Row (axis 1) or column (axis 2) number `index`, of size 1 along the axis. */
function line(x: Tensor4D, axis: 1 | 2, index: number): Tensor4D {
  const begin = [0, 0, 0, 0].map((_, i) => (i === axis ? index : 0)) as [number, number, number, number];
  const size = x.shape.map((length, i) => (i === axis ? 1 : length)) as [number, number, number, number];
  return x.slice(begin, size);
}
