/** Nearest-neighbour upsampling, as a feature pyramid's top-down path needs it. */
import { tf, type Tensor4D } from '../tf';

/**
 * Output row i is input row floor(i H / h), as in PyTorch's `interpolate(mode='nearest')`.
 * @param x [N, H, W, C]
 * @param size [h, w]
 * @returns [N, h, w, C]
 */
export function upsampleNearest(x: Tensor4D, size: [number, number]): Tensor4D {
  return tf.image.resizeNearestNeighbor(x, size);
}
