/**
 * Convolution of stride 1 whose taps stand `dilation` pixels apart, with as many zeros on each side
 * as keep height and width.
 *
 * A tap meets only rows of the same remainder by the dilation, and columns too. So a map is
 * dilation^2 smaller maps, each of which is convolved with the filter as it is, by the fast kernels
 * (measured on two cores, 3x3, [2, 64, 64, 256]: twice as fast as oneDNN's own dilation at 2 and 4).
 * Where these maps are of a few pixels, oneDNN's is faster.
 */
import { kernelLevel, onGpu } from '../core/native';
import { tf, type Tensor1D, type Tensor4D } from '../tf';

/** Measured: with fewer rows or columns in each of the small maps, Winograd's tiles of 4x4 are not filled. */
const ROWS = 8;

type Conv2d = (x: Tensor4D, filter: Tensor4D, options: { padding: number; bias?: Tensor1D }) => Tensor4D;

/** Whether the kernels called by name should dilate, forward and backward. */
export function dilatesByKernel([, h, w]: readonly number[], dilation: number): boolean {
  const small = Math.min(h, w) < ROWS * dilation;
  return onGpu() || (kernelLevel() === 'onednn' && small);
}

/**
 * @param x [N, H, W, Cin]
 * @param filter [k, k, Cin, Cout], k odd
 * @param conv2d the plain convolution
 * @returns [N, H, W, Cout]
 */
export function dilatedConv2d(
  x: Tensor4D,
  filter: Tensor4D,
  { dilation, bias, conv2d }: { dilation: number; bias?: Tensor1D; conv2d: Conv2d },
): Tensor4D {
  const [, h, w] = x.shape;
  const blocks = [dilation, dilation];
  const crops = [h, w].map((size) => [0, (dilation - (size % dilation)) % dilation]);
  const padding = (filter.shape[0] - 1) / 2;
  return tf.tidy(() => {
    const small = tf.spaceToBatchND(x, blocks, crops) as Tensor4D; // [N dilation^2, H / dilation, W / dilation, Cin]
    return tf.batchToSpaceND(conv2d(small, filter, { padding, bias }), blocks, crops) as Tensor4D;
  });
}
