/** phi, the student's projection to the teacher's channels. */
import { conv2d } from '../kernels/conv';
import { Parameters } from '../core/parameters';
import { Random } from '../core/random';
import type { Tensor1D, Tensor4D } from '../tf';

/**
 * phi: a 1x1 convolution a pyramid level from the student's channels to the teacher's, started as
 * PyTorch's Conv2d.
 */
export function createProjections(levels: number, from: number, to: number, seed: number): Parameters {
  const parameters = new Parameters();
  const random = new Random(seed).fork('phi');
  const bound = 1 / Math.sqrt(from);
  const uniform = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.uniform(-bound, bound));
  for (let level = 0; level < levels; level++) {
    parameters.create(`phi.${level}.weight`, [1, 1, from, to], uniform(from * to));
    parameters.create(`phi.${level}.bias`, [to], uniform(to), 'bias');
  }
  return parameters;
}

/** phi(F^s) of every level. */
export function project(projections: Parameters, pyramid: Tensor4D[]): Tensor4D[] {
  return pyramid.map((map, level) =>
    conv2d(map, projections.get(`phi.${level}.weight`).value as Tensor4D, {
      bias: projections.get(`phi.${level}.bias`).value as Tensor1D,
    }),
  );
}
