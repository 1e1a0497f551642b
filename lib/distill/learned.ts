/** What a distillation loss learns beside the student, in the shapes and starts of PyTorch's layers. */
import type { Parameters } from '../core/parameters';
import type { Random } from '../core/random';
import { conv2d } from '../kernels/conv';
import type { Tensor1D, Tensor4D } from '../tf';

/**
 * A convolution [kh, kw, Cin, Cout] with bias, started as PyTorch's Conv2d: uniform within 1 /
 * sqrt(kh kw Cin).
 */
export function createConv2d(parameters: Parameters, name: string, shape: number[], random: Random): void {
  const [kh, kw, from, to] = shape;
  const bound = 1 / Math.sqrt(kh * kw * from);
  const uniform = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.uniform(-bound, bound));
  parameters.create(`${name}.weight`, shape, uniform(kh * kw * from * to));
  parameters.create(`${name}.bias`, [to], uniform(to), 'bias');
}

/** The convolution called `name`, of stride 1 and as large as the map. */
export function learnedConv2d(parameters: Parameters, name: string, x: Tensor4D): Tensor4D {
  const filter = parameters.get(`${name}.weight`).value as Tensor4D;
  return conv2d(x, filter, {
    bias: parameters.get(`${name}.bias`).value as Tensor1D,
    padding: (filter.shape[0] - 1) / 2,
  });
}
