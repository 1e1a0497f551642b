/** Two-dimensional convolution with PyTorch's symmetric padding. */
import { tf, type Tensor1D, type Tensor4D } from '../tf';

export interface Conv2dOptions {
  /** Default 1. */
  stride?: number;
  /** Zeros on each of the four sides, as in PyTorch. Default 0. */
  padding?: number;
  /** [Cout], added to each output channel. */
  bias?: Tensor1D;
  /** False when nobody needs the gradient of `x` (the image under the stem). Default true. */
  inputGradient?: boolean;
}

/**
 * Convolution (cross-correlation).
 * @param x [N, H, W, Cin]
 * @param filter [kh, kw, Cin, Cout]
 * @returns [N, floor((H + 2 padding - kh) / stride) + 1, ..., Cout]
 */
export function conv2d(x: Tensor4D, filter: Tensor4D, options: Conv2dOptions = {}): Tensor4D {
  const { stride = 1, padding = 0, bias } = options;
  const padded = padding > 0 ? tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]]) : x;
  const y = tf.conv2d(padded, filter, stride, 'valid');
  return bias ? tf.add(y, bias) : y;
}
