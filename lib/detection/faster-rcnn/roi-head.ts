/**
 * The second stage of Faster R-CNN: regions cut out of the pyramid by RoIAlign, two fully connected
 * layers, class logits and box deltas, as mmdet's `Shared2FCBBoxHead`.
 */
import { tf, type Scalar, type Tensor1D, type Tensor2D, type Tensor4D } from '../../tf';
import type { Parameters } from '../../core/parameters';
import type { Random } from '../../core/random';
import { relu } from '../../kernels/activation';
import { roiAlign } from '../../kernels/roi-align';
import { createConv } from '../layers';

export interface RoiHeadConfig {
  /** Of both fully connected layers. */
  channels: number;
  /** A region's bins along either side. */
  bins: number;
  /** Side in pixels below which (twice) a region belongs to the finest level. */
  finestScale: number;
  /** Levels that regions are cut from, the finest first. */
  levels: number;
  /** Whether all classes share their deltas. */
  classAgnostic: boolean;
  /** What the deltas are divided by: of the centre, of the size. */
  deviations: readonly [number, number];
}

/** Regions of all pictures, one after the other. */
export interface Regions {
  /** [R, 5] picture, x1, y1, x2, y2. */
  boxes: Float32Array;
}

const NAME = 'roi_head.bbox_head';

/** Registers all parameters under `roi_head.bbox_head.`; a layer's weight is a filter [h, w, in, out]. */
export function createRoiHead(
  parameters: Parameters,
  { channels, bins, classAgnostic }: RoiHeadConfig,
  { inputs, classes }: { inputs: number; classes: number },
  random: Random,
): void {
  const layer = (name: string, kernel: number, from: number, outputs: number, deviation?: number): void => {
    const xavier = { bound: Math.sqrt(6 / (kernel * kernel * from + outputs)) };
    const shape = { kernel, inputs: from, outputs, init: deviation ?? xavier, bias: 0 };
    createConv(parameters, `${NAME}.${name}`, shape, random);
  };
  layer('shared_fcs.0', bins, inputs, channels);
  layer('shared_fcs.1', 1, channels, channels);
  layer('fc_cls', 1, channels, classes + 1, 0.01);
  layer('fc_reg', 1, channels, classAgnostic ? 4 : 4 * classes, 0.001);
}

/** The level of each region: mmdet's `SingleRoIExtractor.map_roi_levels`. */
export function levelsOf(boxes: Float32Array, { finestScale, levels }: RoiHeadConfig): Int32Array {
  const f = Math.fround;
  return Int32Array.from({ length: boxes.length / 5 }, (_, r) => {
    const [x1, y1, x2, y2] = boxes.subarray(5 * r + 1, 5 * r + 5);
    const side = f(Math.sqrt(f(f(x2 - x1) * f(y2 - y1))));
    const level = Math.floor(f(Math.log2(f(f(side / finestScale) + 1e-6))));
    return Math.min(Math.max(level, 0), levels - 1);
  });
}

/** Class logits [R, K + 1], the background last, and deltas [R, 4 K] or [R, 4]. */
export function roiHead(
  parameters: Parameters,
  config: RoiHeadConfig,
  pyramid: readonly Tensor4D[],
  strides: readonly number[],
  { boxes }: Regions,
): { logits: Tensor2D; deltas: Tensor2D } {
  const count = boxes.length / 5;
  return tf.tidy(() => {
    const cut = roiAlign(pyramid.slice(0, config.levels), tf.tensor2d(boxes, [count, 5]), {
      level: tf.tensor1d(levelsOf(boxes, config), 'int32'),
      scales: strides.slice(0, config.levels).map((stride) => 1 / stride),
      size: [config.bins, config.bins],
    });
    const dense = (x: Tensor2D, name: string): Tensor2D => {
      const weight = parameters.get(`${NAME}.${name}.weight`);
      const outputs = weight.shape[3];
      const matrix = tf.reshape(weight.value, [-1, outputs]) as Tensor2D;
      return tf.add(tf.matMul(x, matrix), parameters.get(`${NAME}.${name}.bias`).value as Tensor1D);
    };
    const flat = tf.reshape(cut, [count, -1]) as Tensor2D;
    const hidden = relu(dense(relu(dense(flat, 'shared_fcs.0')), 'shared_fcs.1'));
    return { logits: dense(hidden, 'fc_cls'), deltas: dense(hidden, 'fc_reg') };
  });
}

/** What the regions learn. */
export interface RegionMatches extends Regions {
  /** [R] classes, K for the background. */
  labels: Int32Array;
  /** [P] the regions that learn an object, and [P * 4] their deltas. */
  positives: Int32Array;
  deltas: Float32Array;
}

/** Cross entropy and L1 of the deltas, both divided by the number of regions. */
export function regionLosses(
  { logits, deltas }: { logits: Tensor2D; deltas: Tensor2D },
  { labels, positives, deltas: wanted }: RegionMatches,
  classAgnostic: boolean,
): { classification: Scalar; box: Scalar } {
  const [count, classes] = logits.shape;
  const classification = tf.tidy(() => {
    const own = tf.sum(tf.mul(logits, tf.oneHot(tf.tensor1d(labels, 'int32'), classes)), 1);
    return tf.div(tf.sum(tf.sub(tf.logSumExp(logits, 1), own)), count) as Scalar;
  });
  const box = tf.tidy((): Scalar => {
    if (positives.length === 0) return tf.scalar(0);
    const rows = Array.from(positives, (r) => (classAgnostic ? r : r * (classes - 1) + labels[r]));
    const given = tf.gather(tf.reshape(deltas, [-1, 4]), tf.tensor1d(rows, 'int32'));
    return tf.div(tf.sum(tf.abs(tf.sub(given, tf.tensor2d(wanted, [positives.length, 4])))), count);
  });
  return { classification, box };
}
