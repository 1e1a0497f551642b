/** Max pooling with PyTorch's symmetric padding. */
import { tf, type Tensor4D } from '../tf';

/**
 * The maximum over size x size windows; padding counts as minus infinity.
 * @param x [N, H, W, C]
 * @returns [N, floor((H + 2 padding - size) / stride) + 1, ..., C]
 */
export function maxPool(x: Tensor4D, { size, stride, padding = 0 }: { size: number; stride: number; padding?: number }): Tensor4D {
  // The lowest float in place of minus infinity, which would make 0 * inf = nan in the gradient of the padding.
  const padded = padding > 0 ? tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]], -3.4e38) : x;
  return tf.maxPool(padded, size, stride, 'valid');
}
