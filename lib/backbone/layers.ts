/**
 * Convolution and normalisation over named parameters: `create...` registers a layer's parameters,
 * the function of the same name without it runs the layer. Names are PyTorch's (`<layer>.weight`,
 * `.bias`, `.running_mean`, `.running_var`).
 */
import { tf, type Tensor1D, type Tensor4D } from '../tf';
import { batchNorm, batchNormTraining } from '../kernels/batch-norm';
import { conv2d, conv2dLevels } from '../kernels/conv';
import { deformConv2d } from '../kernels/deform-conv';
import { groupNorm } from '../kernels/group-norm';
import { relu } from '../kernels/activation';
import { type Parameters } from '../core/parameters';
import { type Random } from '../core/random';

/**
 * How a layer normalises. 'batch': the batch's statistics while training, the running ones
 * otherwise. 'frozen': always the running ones, scale and shift still learn (mmdet's
 * `norm_eval=True`). 'constant': so too, and nothing learns (`requires_grad=False` as well).
 * `{ groups }`: group norm.
 */
export type Norm = 'none' | 'batch' | 'frozen' | 'constant' | { groups: number };

/**
 * 'kaiming': normal, fan out, ReLU. 'xavier': uniform. A number: normal with that deviation.
 * `{ bound }`: uniform between that and its negative.
 */
export type Initialiser = 'kaiming' | 'xavier' | number | { bound: number };

export interface ConvShape {
  kernel: number;
  inputs: number;
  outputs: number;
  /** See conv2d; default 1. */
  groups?: number;
  init: Initialiser;
  /** Value the bias starts from; no bias if left out. */
  bias?: number;
  /**
   * Whether its taps read the input at offsets (see kernels/deform-conv.ts) that a convolution of
   * its own, `<name>.conv_offset`, computes from the same input; that one starts from zero. Such a
   * layer has no bias. Default false.
   */
  deformable?: boolean;
}

/** PyTorch's: what norms add to the variance. */
export const EPSILON = 1e-5;
/** PyTorch's momentum: the share of the new batch in the running statistics. */
const MOMENTUM = 0.1;

/**
 * Registers `<name>.weight` [kernel, kernel, inputs / groups, outputs] and, where asked for,
 * `<name>.bias` [outputs].
 */
export function createConv(parameters: Parameters, name: string, shape: ConvShape, random: Random): void {
  const { kernel, outputs, init, bias, deformable } = shape;
  const inputs = shape.inputs / (shape.groups ?? 1);
  const [area, own] = [kernel * kernel, random.fork(name)];
  const values = new Float32Array(area * inputs * outputs);
  const bound = typeof init === 'object' ? init.bound : Math.sqrt(6 / (area * (inputs + outputs)));
  const deviation = init === 'kaiming' ? Math.sqrt(2 / (area * outputs)) : init;
  for (let i = 0; i < values.length; i++)
    values[i] = typeof deviation === 'number' ? deviation * own.normal() : own.uniform(-bound, bound);
  parameters.create(`${name}.weight`, [kernel, kernel, inputs, outputs], values, 'weight');
  if (bias !== undefined) parameters.create(`${name}.bias`, [outputs], bias, 'bias');
  if (!deformable) return;
  const offset = `${name}.conv_offset`;
  parameters.create(`${offset}.weight`, [kernel, kernel, shape.inputs, 2 * area], 0, 'weight');
  parameters.create(`${offset}.bias`, [2 * area], 0, 'bias');
}

export interface ConvOptions {
  stride?: number;
  groups?: number;
  /** See conv2d; default 1. */
  dilation?: number;
  inputGradient?: boolean;
}

/**
 * Convolution with zero padding of half a kernel, so that stride 1 keeps height and width; a
 * deformable one where it has been created so.
 */
export function conv(
  parameters: Parameters,
  name: string,
  x: Tensor4D,
  options: ConvOptions = {},
): Tensor4D {
  const filter = parameters.get(`${name}.weight`);
  const bias = `${name}.bias`;
  const { stride, groups, dilation = 1, inputGradient } = options;
  const padding = (dilation * (filter.shape[0] - 1)) / 2;
  const offset = `${name}.conv_offset`;
  if (parameters.has(`${offset}.weight`)) {
    const offsets = conv(parameters, offset, x, { stride });
    return deformConv2d(x, offsets, filter.value as Tensor4D, { stride, groups, padding });
  }
  return conv2d(x, filter.value as Tensor4D, {
    stride,
    groups,
    dilation,
    inputGradient,
    padding,
    ...(parameters.has(bias) ? { bias: parameters.get(bias).value as Tensor1D } : {}),
  });
}

/** The same layer on every map of `maps`, of stride 1; `activate` adds a ReLU. */
export function convLevels(
  parameters: Parameters,
  name: string,
  maps: readonly Tensor4D[],
  { activate }: { activate: boolean },
): Tensor4D[] {
  const bias = `${name}.bias`;
  return conv2dLevels(maps, parameters.get(`${name}.weight`).value as Tensor4D, {
    relu: activate,
    ...(parameters.has(bias) ? { bias: parameters.get(bias).value as Tensor1D } : {}),
  });
}

/** mmdet's name of a norm layer: `bn1`, `gn1`, or without a number `bn`, `gn`. */
export function normName(norm: Norm, number: number | '' = ''): string {
  return `${typeof norm === 'object' ? 'gn' : 'bn'}${number}`;
}

/** Registers scale and shift, and running statistics where the norm has them. */
export function createNorm(parameters: Parameters, name: string, channels: number, norm: Norm): void {
  if (norm === 'none') return;
  if (typeof norm === 'object' && channels % norm.groups !== 0)
    throw new RangeError(`${name}: ${channels} channels cannot be split into norm.groups = ${norm.groups}`);
  parameters.create(`${name}.weight`, [channels], 1, 'norm');
  parameters.create(`${name}.bias`, [channels], 0, 'norm');
  if (typeof norm === 'object') return;
  parameters.create(`${name}.running_mean`, [channels], 0, 'statistic');
  parameters.create(`${name}.running_var`, [channels], 1, 'statistic');
  if (norm === 'constant') parameters.freeze(`${name}.`);
}

export interface NormaliseOptions {
  norm: Norm;
  training: boolean;
  activate: boolean;
  epsilon?: number;
}

/**
 * Normalises [N, H, W, C]; `activate` adds a ReLU. Training batch norm also moves the running
 * statistics. `epsilon` defaults to PyTorch's 1e-5.
 */
export function normalise(
  parameters: Parameters,
  name: string,
  x: Tensor4D,
  options: NormaliseOptions,
): Tensor4D {
  const { norm, training, activate, epsilon = EPSILON } = options;
  if (norm === 'none') return activate ? relu(x) : x;
  const value = (field: string): Tensor1D => parameters.get(`${name}.${field}`).value as Tensor1D;
  const affine = { gamma: value('weight'), beta: value('bias'), epsilon, relu: activate };
  if (typeof norm === 'object') return groupNorm(x, { ...affine, groups: norm.groups });
  if (norm !== 'batch' || !training)
    return batchNorm(x, { ...affine, mean: value('running_mean'), variance: value('running_var') });
  const { y, mean, variance } = batchNormTraining(x, affine);
  move(parameters, `${name}.running_mean`, mean);
  move(parameters, `${name}.running_var`, variance);
  return y;
}

/**
 * A convolution and its norm; nothing between the two is left, except what a gradient needs.
 * @param names of the two layers
 */
export function convNorm(
  parameters: Parameters,
  names: { conv: string; norm: string },
  x: Tensor4D,
  options: ConvOptions & NormaliseOptions,
): Tensor4D {
  return tf.tidy(() => normalise(parameters, names.norm, conv(parameters, names.conv, x, options), options));
}

/** running <- (1 - momentum) running + momentum observed. */
function move(parameters: Parameters, name: string, observed: Tensor1D): void {
  const running = parameters.get(name);
  tf.tidy(() => running.assign(tf.add(tf.mul(running.value, 1 - MOMENTUM), tf.mul(observed, MOMENTUM))));
}
