/**
 * 3x3 convolutions of stride 1 by Winograd's F(2x2, 3x3), lib/native/conv3x3.cc: 2.25 times fewer products than direct convolution, with the same
 * rounding (measured: relative L2 difference 1e-6, as between two direct ones).
 */
import { tf, type Tensor } from '../tf';
import { execute1, ownKernels } from './native';

/** Measured: with fewer tiles of 2x2 outputs, or fewer channels, the transforms cost more than the products save. */
const TILES = 64;
const CHANNELS = 32;

/**
 * Whether it serves a convolution, and faster than others.
 * @param x shape [N, H, W, Cin]
 * @param filter shape [kh, kw, Cin / groups, Cout]
 */
export function winogradServes(x: readonly number[], filter: readonly number[], { stride, padding, groups }: { stride: number; padding: number; groups: number }): boolean {
  const [kh, kw, inputs, outputs] = filter;
  if (kh !== 3 || kw !== 3 || stride !== 1 || padding !== 1 || groups !== 1 || Math.min(inputs, outputs) < CHANNELS) return false;
  return x[0] * Math.ceil(x[1] / 2) * Math.ceil(x[2] / 2) >= TILES && ownKernels();
}

/** x [N, H, W, Cin], filter [3, 3, Cin, Cout], bias [Cout] -> [N, H, W, Cout]. */
export function winograd(x: Tensor, filter: Tensor, bias?: Tensor): Tensor {
  return execute1('FreekdConv3x3', [], [x, filter, bias ?? tf.tensor1d([], 'float32')]);
}

/** dy [N, H, W, Cout], filter [3, 3, Cin, Cout] -> the gradient of x. */
export function winogradInputGradient(dy: Tensor, filter: Tensor): Tensor {
  return execute1('FreekdConv3x3InputGradient', [], [dy, filter]);
}

/** x [N, H, W, Cin], dy [N, H, W, Cout] -> the gradient of the filter [3, 3, Cin, Cout]. */
export function winogradFilterGradient(x: Tensor, dy: Tensor): Tensor {
  return execute1('FreekdConv3x3FilterGradient', [], [x, dy]);
}
