/**
 * The second stage of Faster R-CNN: regions cut out of the pyramid by RoIAlign, two fully connected
 * layers, class logits and box deltas, as mmdet's `Shared2FCBBoxHead`.
 */
import { tf, type Scalar, type Tensor1D, type Tensor2D, type Tensor4D } from '../../tf';
import type { Parameters } from '../../core/parameters';
import type { Random } from '../../core/random';
import { relu } from '../../kernels/activation';
import { roiAlign } from '../../kernels/roi-align';
import { boxLoss } from '../box-loss';
import { counting, type DetectionLosses } from '../detector';
import { createConv } from '../../backbone/layers';
import type { RegionMatches } from './regions';

export interface RoiHeadConfig {
  /** Of both fully connected layers. */
  channels: number;
  /** A region's bins along either side. */
  bins: number;
  /** Side in pixels below which (twice) a region belongs to the finest level. */
  finestScale: number;
  /** Levels that regions are cut from, the finest first. */
  levels: number;
  /** How they are cut (see kernels/roi-align.ts). Default: as many samples of a bin as it has pixels, aligned. */
  samples?: number;
  aligned?: boolean;
}

/** [R, K + 1], the background last, and [R, 4 K] or, where all classes share them, [R, 4]. */
export type RoiOutput = { logits: Tensor2D; deltas: Tensor2D };

/** Registers all parameters of a head `name`; a layer's weight is a filter [h, w, in, out]. */
export function createRoiHead(
  parameters: Parameters,
  name: string,
  { channels, bins }: RoiHeadConfig,
  { inputs, classes, classAgnostic }: { inputs: number; classes: number; classAgnostic: boolean },
  random: Random,
): void {
  const layer = (of: string, kernel: number, from: number, outputs: number, deviation?: number): void => {
    const xavier = { bound: Math.sqrt(6 / (kernel * kernel * from + outputs)) };
    const shape = { kernel, inputs: from, outputs, init: deviation ?? xavier, bias: 0 };
    createConv(parameters, `${name}.${of}`, shape, random);
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

/** @param boxes [R, 5] the regions of all pictures */
export function roiHead(
  parameters: Parameters,
  name: string,
  config: RoiHeadConfig,
  pyramid: readonly Tensor4D[],
  strides: readonly number[],
  boxes: Float32Array,
): RoiOutput {
  const count = boxes.length / 5;
  return tf.tidy(() => {
    const cut = roiAlign(pyramid.slice(0, config.levels), tf.tensor2d(boxes, [count, 5]), {
      level: tf.tensor1d(levelsOf(boxes, config), 'int32'),
      scales: strides.slice(0, config.levels).map((stride) => 1 / stride),
      size: [config.bins, config.bins],
      samples: config.samples,
      aligned: config.aligned,
    });
    const dense = (x: Tensor2D, of: string): Tensor2D => {
      const weight = parameters.get(`${name}.${of}.weight`);
      const outputs = weight.shape[3];
      const matrix = tf.reshape(weight.value, [-1, outputs]) as Tensor2D;
      return tf.add(tf.matMul(x, matrix), parameters.get(`${name}.${of}.bias`).value as Tensor1D);
    };
    const flat = tf.reshape(cut, [count, -1]) as Tensor2D;
    const hidden = relu(dense(relu(dense(flat, 'shared_fcs.0')), 'shared_fcs.1'));
    return { logits: dense(hidden, 'fc_cls'), deltas: dense(hidden, 'fc_reg') };
  });
}

/** Cross entropy and smooth L1 of the deltas (see box-loss.ts), both divided by the number of regions; 0 of none. */
export function regionLosses(
  { logits, deltas }: RoiOutput,
  { labels, positives, deltas: wanted }: RegionMatches,
  { beta }: { beta: number },
): Record<'classification' | 'box', DetectionLosses[string]> {
  const [count, classes] = logits.shape;
  const regions = counting(count);
  const classification = tf.tidy(() => {
    const own = tf.sum(tf.mul(logits, tf.oneHot(tf.tensor1d(labels, 'int32'), classes)), 1);
    return tf.div(tf.sum(tf.sub(tf.logSumExp(logits, 1), own)), regions.normalizer) as Scalar;
  });
  const ofClass = deltas.shape[1] / 4;
  const rows = positives.map((r) => (ofClass === 1 ? r : r * ofClass + labels[r]));
  const matches = { positives: rows, deltas: wanted };
  const box = tf.tidy(() => boxLoss(tf.reshape(deltas, [-1, 4]) as Tensor2D, matches, regions.normalizer, { beta }));
  return { classification: { value: classification, ...regions }, box: { value: box, ...regions } };
}
