/** The levels of a feature pyramid: their strides, and their maps as one. */
import { tf, type Tensor2D, type Tensor4D } from '../tf';
import type { BackboneConfig } from '../backbone/backbone';
import type { FpnConfig } from './fpn';

/** Input pixels from one position of a pyramid level to the next, finest level first. */
export function pyramidStrides({ levels }: Pick<BackboneConfig, 'levels'>, { extraLevels }: FpnConfig): number[] {
  const extra = Array.from({ length: extraLevels }, (_, i) => levels[levels.length - 1] + 1 + i);
  return [...levels, ...extra].map((level) => 2 ** level);
}

/** The height and width of each level's map of an input. */
export function mapSizes([height, width]: readonly [number, number], strides: readonly number[]): [number, number][] {
  return strides.map((stride) => [Math.ceil(height / stride), Math.ceil(width / stride)]);
}

/**
 * [N, H, W, A * size] of each level -> [N * H * W * A of all levels, size], picture by picture, then
 * level by level.
 */
export function joinLevels(levels: readonly Tensor4D[], size: number): Tensor2D {
  const pictures = levels[0].shape[0];
  const rows = levels.map((level) => tf.reshape(level, [pictures, -1]));
  return tf.reshape(tf.concat(rows, 1), [-1, size]);
}

/** What `joinLevels` joined: [N, H, W, A * size] of each of `shapes`. */
export function splitLevels(rows: Tensor2D, shapes: readonly Tensor4D['shape'][]): Tensor4D[] {
  const [pictures] = shapes[0];
  const sizes = shapes.map((shape) => shape.slice(1).reduce((product, side) => product * side, 1));
  const parts = tf.split(tf.reshape(rows, [pictures, -1]), sizes, 1);
  return parts.map((part, level) => tf.reshape(part, shapes[level]));
}
