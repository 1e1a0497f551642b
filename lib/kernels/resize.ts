/**
 * Bilinear resize and average pooling to a given size, both linear along each axis: PyTorch's
 * `interpolate(mode='bilinear')` and `AdaptiveAvgPool2d`.
 */
import { tf, type Tensor2D, type Tensor4D } from '../tf';

export interface ResizeOptions {
  /**
   * Whether the centres of the corner pixels stay where they are, as in PyTorch; else pixels are
   * squares, whose outer edges do. Default false.
   */
  alignCorners?: boolean;
}

/** [N, h, w, C] -> [N, H, W, C] for `size` [H, W], bilinear; differentiable, which tfjs's own is in part only. */
export function interpolate(
  x: Tensor4D,
  size: readonly [number, number],
  { alignCorners = false }: ResizeOptions = {},
): Tensor4D {
  const [, h, w] = x.shape;
  const [H, W] = size;
  if (h === H && w === W) return x.clone();
  const resize = tf.customGrad<Tensor4D>((input) => ({
    value: tf.image.resizeBilinear(input as Tensor4D, [H, W], alignCorners, !alignCorners),
    gradFunc: (dy: Tensor4D) =>
      alongAxes(dy, tf.transpose(blend(h, H, alignCorners)), tf.transpose(blend(w, W, alignCorners))),
  }));
  return resize(x);
}

/**
 * [N, h, w, C] -> [N, H, W, C] for `size` [H, W]: means over windows that cover the map, from
 * floor(i h / H) to ceil((i + 1) h / H); differentiable.
 */
export function averagePoolTo(x: Tensor4D, [H, W]: readonly [number, number]): Tensor4D {
  const [, h, w] = x.shape;
  return tf.tidy(() => alongAxes(x, windows(h, H), windows(w, W)));
}

/** Rows and columns of [N, h, w, C] through a matrix each, [H, h] and [W, w] -> [N, H, W, C]. */
function alongAxes(x: Tensor4D, rows: Tensor2D, columns: Tensor2D): Tensor4D {
  const [n, h, w, c] = x.shape;
  const [H, W] = [rows.shape[0], columns.shape[0]];
  const tall = tf.matMul(rows, tf.reshape(x, [n, h, w * c])); // [N, H, w C]
  return tf.reshape(tf.matMul(columns, tf.reshape(tall, [n * H, w, c])), [n, H, W, c]);
}

/** The [to, from] matrix of the resize along one axis: two weights a row, the border repeated. */
function blend(from: number, to: number, alignCorners: boolean): Tensor2D {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const position = alignCorners
      ? (to > 1 ? (i * (from - 1)) / (to - 1) : 0)
      : Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(position), from - 1);
    const high = Math.min(low + 1, from - 1);
    const fraction = position - low;
    matrix[i * from + low] += 1 - fraction;
    matrix[i * from + high] += fraction;
  }
  return tf.tensor2d(matrix, [to, from]);
}

/** The [to, from] matrix of the means over `to` windows. */
function windows(from: number, to: number): Tensor2D {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const [start, end] = [Math.floor((i * from) / to), Math.ceil(((i + 1) * from) / to)];
    matrix.fill(1 / (end - start), i * from + start, i * from + end);
  }
  return tf.tensor2d(matrix, [to, from]);
}

