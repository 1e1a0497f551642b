/** mmcv's ConvModule: a convolution, a norm and a ReLU, named `<name>.conv` and `<name>.bn`. */
import type { Parameters } from '../core/parameters';
import type { Random } from '../core/random';
import { convNorm, createConv, createNorm, normName, type Norm } from '../backbone/layers';
import type { Tensor4D } from '../tf';

export interface ModuleShape {
  kernel: 1 | 3;
  inputs: number;
  outputs: number;
  norm: Norm;
}

export interface ModuleRun {
  norm: Norm;
  training: boolean;
  /** See conv2d; default 1. */
  dilation?: number;
}

const namesOf = (name: string, norm: Norm) => ({ conv: `${name}.conv`, norm: `${name}.${normName(norm)}` });

export function createModule(parameters: Parameters, name: string, shape: ModuleShape, random: Random): void {
  const { kernel, inputs, outputs, norm } = shape;
  const names = namesOf(name, norm);
  createConv(parameters, names.conv, { kernel, inputs, outputs, init: 'kaiming' }, random);
  createNorm(parameters, names.norm, outputs, norm);
}

/** [N, H, W, inputs] -> [N, H, W, outputs] */
export function convModule(parameters: Parameters, name: string, x: Tensor4D, run: ModuleRun): Tensor4D {
  return convNorm(parameters, namesOf(name, run.norm), x, { ...run, activate: true });
}
