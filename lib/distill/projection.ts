/** phi, the student's projection to the teacher's channels. */
import { Parameters } from '../core/parameters';
import { Random } from '../core/random';
import type { Tensor4D } from '../tf';
import { createConv2d, learnedConv2d } from './learned';

/**
 * phi: a 1x1 convolution a pyramid level from the student's channels to the teacher's, started as
 * PyTorch's Conv2d.
 */
export function createProjections(levels: number, from: number, to: number, seed: number): Parameters {
  const parameters = new Parameters();
  const random = new Random(seed).fork('phi');
  for (let level = 0; level < levels; level++) createConv2d(parameters, `phi.${level}`, [1, 1, from, to], random);
  return parameters;
}

/** phi(F^s) of every level. */
export function project(projections: Parameters, pyramid: Tensor4D[]): Tensor4D[] {
  return pyramid.map((map, level) => learnedConv2d(projections, `phi.${level}`, map));
}
