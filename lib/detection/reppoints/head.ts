/**
 * RepPoints' head (Yang et al., arXiv 1904.11490, section 4): of every position nine points,
 * and the same nine refined. Two deformable convolutions read the features where the first points lie:
 * one for class logits, one for how the points move. Shared by all pyramid levels.
 */
import { tf, type Tensor4D } from '../../tf';
import { stopGradient } from '../../core/operation';
import { type Parameters } from '../../core/parameters';
import { type Random } from '../../core/random';
import { relu } from '../../kernels/activation';
import { deformConv2d } from '../../kernels/deform-conv';
import { conv, convLevels, type ConvShape, createConv } from '../../backbone/layers';
import { CLASS_BIAS, createTower, DEVIATION, tower, type TowerConfig } from '../tower';
import { POINTS, slowed } from './moments';

export type RepPointsHeadConfig = Omit<TowerConfig, 'convBias'>;

/** One pyramid level's predictions of K classes. */
export type RepPointsOutput = {
  /** [N, H, W, K]. */
  logits: Tensor4D;
  /** [N, H, W, 18] y1, x1, y2, x2, ... of the points, seen from the position, in strides. */
  initial: Tensor4D;
  /** [N, H, W, 18] the same, refined; no gradient reaches the first points through it. */
  refined: Tensor4D;
};

/** The share of their gradient that the first points get from being sampled at (mmdet's `gradient_mul`). */
const SAMPLING_SHARE = 0.1;

/** y, x of each tap of a 3x3 window: what a deformable convolution adds to its offsets. */
export const TAPS = Array.from({ length: POINTS }, (_, tap) => [Math.floor(tap / 3) - 1, (tap % 3) - 1]).flat();

/** Registers all parameters under `bbox_head.`; `inputs` are the pyramid's channels. */
export function createRepPointsHead(
  parameters: Parameters,
  config: RepPointsHeadConfig,
  { inputs, classes }: { inputs: number; classes: number },
  random: Random,
): void {
  for (const name of ['cls_convs', 'reg_convs'])
    createTower(parameters, `bbox_head.${name}`, config, inputs, random);
  const { convs, channels } = config;
  const features = convs === 0 ? inputs : channels;
  const window = { kernel: 3, inputs: features, outputs: channels, init: DEVIATION };
  const last = { kernel: 1, inputs: channels, init: DEVIATION };
  const layer = (name: string, shape: ConvShape): void =>
    createConv(parameters, `bbox_head.reppoints_${name}`, shape, random);
  layer('cls_conv', window);
  layer('cls_out', { ...last, outputs: classes, bias: CLASS_BIAS });
  layer('pts_init_conv', { ...window, bias: 0 });
  layer('pts_init_out', { ...last, outputs: 2 * POINTS, bias: 0 });
  layer('pts_refine_conv', window);
  layer('pts_refine_out', { ...last, outputs: 2 * POINTS, bias: 0 });
  parameters.create('bbox_head.moment_transfer', [2], 0, 'norm');
}

/** Predictions of every level of `pyramid`, in its order. */
export function repPointsHead(
  parameters: Parameters,
  config: RepPointsHeadConfig,
  pyramid: readonly Tensor4D[],
  training: boolean,
): RepPointsOutput[] {
  const branch = (name: string, last: (maps: readonly Tensor4D[]) => Tensor4D[]): Tensor4D[] =>
    tower(parameters, `bbox_head.${name}`, config, pyramid, { training }, last).outputs;
  const levels = pyramid.length;
  const ofPoints = branch('reg_convs', (maps) => {
    const hidden = convLevels(parameters, 'bbox_head.reppoints_pts_init_conv', maps, { activate: true });
    const initial = convLevels(parameters, 'bbox_head.reppoints_pts_init_out', hidden, { activate: false });
    const refined = maps.map((x, level) => {
      const move = readAt(parameters, 'pts_refine', x, initial[level]);
      return tf.tidy((): Tensor4D => tf.add(move, stopGradient(initial[level])));
    });
    return [...initial, ...refined];
  });
  const logits = branch('cls_convs', (maps) =>
    maps.map((x, level) => readAt(parameters, 'cls', x, ofPoints[level])),
  );
  return pyramid.map((_, level) => ({
    logits: logits[level],
    initial: ofPoints[level],
    refined: ofPoints[levels + level],
  }));
}

/**
 * What two layers make of the features x [N, H, W, C] at points [N, H, W, 18]: a deformable
 * convolution with ReLU, and a 1x1 convolution.
 */
function readAt(parameters: Parameters, name: string, x: Tensor4D, points: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const offsets = tf.sub(slowed(points, SAMPLING_SHARE), tf.tensor1d(TAPS)) as Tensor4D;
    const filter = parameters.get(`bbox_head.reppoints_${name}_conv.weight`).value as Tensor4D;
    const read = relu(deformConv2d(x, offsets, filter, { padding: 1 }));
    return conv(parameters, `bbox_head.reppoints_${name}_out`, read);
  });
}
