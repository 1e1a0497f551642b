/**
 * The best linear map from one network's channels to another's: what a 1x1 projection phi could
 * reach at most, without training one. For looking at features, not for training on them.
 */
import { tf, type Tensor2D, type Tensor4D } from '../tf';

/**
 * The least-squares fit of `to` by a 1x1 convolution with bias of `from`, over all pictures and
 * positions.
 * @param from [N, H, W, A]; @param to [N, H, W, B] of the same N, H, W
 * @returns [N, H, W, B]
 */
export function alignChannels(from: Tensor4D, to: Tensor4D): Tensor4D {
  const [n, h, w, a] = from.shape;
  const b = to.shape[3];
  if (to.shape.slice(0, 3).join() !== [n, h, w].join())
    throw new Error(`alignChannels: [${from.shape}] and [${to.shape}] differ in more than their channels`);
  return tf.tidy(() => {
    const x = tf.concat([from.reshape([-1, a]), tf.ones([n * h * w, 1])], 1) as Tensor2D; // [P, A + 1]
    const gram = tf.matMul(x, x, true).arraySync() as number[][];
    const moments = tf.matMul(x, to.reshape([-1, b]) as Tensor2D, true).arraySync() as number[][];
    const ridge = 1e-6 * Math.max(...gram.map((row, i) => row[i])); // dead channels have no solution of their own
    gram.forEach((row, i) => (row[i] += ridge));
    return tf.matMul(x, tf.tensor2d(solve(gram, moments))).reshape([n, h, w, b]);
  });
}

/**
 * X of A X = B by Gaussian elimination with row pivoting; A is symmetric and positive. Changes its
 * arguments.
 */
export function solve(a: number[][], b: number[][]): number[][] {
  const n = a.length;
  for (let k = 0; k < n; k++) {
    const pivot = a.reduce((best, row, i) => (i > k && Math.abs(row[k]) > Math.abs(a[best][k]) ? i : best), k);
    [a[k], a[pivot]] = [a[pivot], a[k]];
    [b[k], b[pivot]] = [b[pivot], b[k]];
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = a[i][k] / a[k][k];
      if (factor === 0) continue;
      for (let j = k; j < n; j++) a[i][j] -= factor * a[k][j];
      for (let j = 0; j < b[i].length; j++) b[i][j] -= factor * b[k][j];
    }
  }
  return b.map((row, i) => row.map((value) => value / a[i][i]));
}
