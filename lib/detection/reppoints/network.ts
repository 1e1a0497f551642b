/**
 * RepPoints (Yang et al., arXiv 1904.11490) with boxes by moments: backbone, feature pyramid and a
 * head that moves nine points a position in two steps. Parameters bear mmdet's names.
 */
import { tf, type Scalar, type Tensor1D, type Tensor2D, type Tensor4D } from '../../tf';
import { type Detections, type Target } from '../../data/types';
import { Parameters } from '../../core/parameters';
import { Random } from '../../core/random';
import { stopGradient } from '../../core/operation';
import { cellsOf } from '../anchors';
import { boxLoss } from '../box-loss';
import { checkExtents, checkLevels, checkTargets } from '../checks';
import type { DetectionLosses, Detector, DetectOptions, Extent, LossOptions, NetworkConfig } from '../detector';
import { focalLoss, type FocalConfig } from '../focal-loss';
import { joinLevels, pyramidStrides } from '../levels';
import { pointGrids, type PointGrid } from '../points';
import { probabilities } from '../scores';
import { createTrunk, trunk } from '../trunk';
import { detectRepPoints } from './detect';
import { createRepPointsHead, repPointsHead, type RepPointsHeadConfig, type RepPointsOutput } from './head';
import { momentBoxes, POINTS } from './moments';
import { type BoxMatches, matchRepPoints, type RepPointsAssignConfig } from './targets';

/** The two stages, by the outputs that they are read from. */
type Stage = 'initial' | 'refined';

export interface RepPointsConfig extends NetworkConfig {
  kind: 'reppoints';
  head: RepPointsHeadConfig;
  assign: RepPointsAssignConfig;
  loss: {
    focal: FocalConfig;
    /** Smooth L1, and the weight of each stage. */
    box: { beta: number } & Record<Stage, number>;
  };
}

export class RepPoints implements Detector<RepPointsOutput[]> {
  readonly parameters = new Parameters();
  readonly strides: readonly number[];

  constructor(
    readonly config: RepPointsConfig,
    { seed = 0 }: { seed?: number } = {},
  ) {
    const { classes, neck } = config;
    const random = new Random(seed);
    this.strides = pyramidStrides(config.backbone, neck);
    createTrunk(this.parameters, config, random);
    createRepPointsHead(this.parameters, config.head, { inputs: neck.channels, classes }, random);
  }

  get channels(): number {
    return this.config.neck.channels;
  }

  pyramid(images: Tensor4D, training = false): Tensor4D[] {
    return trunk(this.parameters, this.config, images, training);
  }

  /** Class logits and the points of both stages of each pyramid level. */
  head(pyramid: readonly Tensor4D[], { training = false }: { training?: boolean } = {}): RepPointsOutput[] {
    checkLevels(pyramid, this.strides);
    return tf.tidy(() => repPointsHead(this.parameters, this.config.head, pyramid, training));
  }

  /**
   * Focal loss and the box losses of both stages; `extents` because points beyond a picture learn
   * nothing. The first stage is divided by the points that learn an object there, all else by those
   * of the second.
   */
  loss(
    outputs: readonly RepPointsOutput[],
    targets: readonly Target[],
    { extents }: LossOptions = {},
  ): Record<'classification' | 'initialBox' | 'box', DetectionLosses[string]> {
    const { classes, assign, loss } = this.config;
    checkTargets(outputs[0].logits, targets);
    const grids = this.grids(outputs);
    const cells = extents?.map((extent) => grids.map((grid) => cellsOf(grid, grid.stride, {}, extent)));
    const matches = matchRepPoints(grids, targets, classes, assign, this.boxes(outputs, 'initial'), cells);
    const { initial, refined } = matches;
    const logits = outputs.map((output) => output.logits);
    const classification = tf.tidy(() => focalLoss(logits, classes, refined, refined.normalizer, loss.focal));
    return {
      classification: { value: classification, normalizer: refined.normalizer },
      initialBox: { value: this.stageLoss(outputs, 'initial', initial), normalizer: initial.normalizer },
      box: { value: this.stageLoss(outputs, 'refined', refined), normalizer: refined.normalizer },
    };
  }

  /** The weighted box loss of a stage. */
  private stageLoss(outputs: readonly RepPointsOutput[], stage: Stage, matches: BoxMatches): Scalar {
    const { loss: { box }, assign: { scale } } = this.config;
    const { positives, boxes, normalizer } = matches;
    if (positives.length === 0) return tf.scalar(0);
    return tf.tidy(() => {
      const points = tf.gather(joined(outputs, stage), tf.tensor1d(positives, 'int32')) as Tensor2D;
      const inScales = tf.div(momentBoxes(points, this.transfer), scale) as Tensor2D;
      const wanted = { positives: positives.map((_, i) => i), deltas: boxes.map((side) => side / scale) };
      return tf.mul(boxLoss(inScales, wanted, normalizer, box), box[stage]);
    });
  }

  detect(outputs: readonly RepPointsOutput[], extents: readonly Extent[], options?: DetectOptions): Detections[] {
    checkExtents(outputs[0].logits, extents);
    const { classes } = this.config;
    const logits = tf.tidy(() => joinLevels(outputs.map((output) => output.logits), classes));
    const scores = probabilities(logits);
    logits.dispose();
    return detectRepPoints(scores, this.boxes(outputs, 'refined'), classes, this.grids(outputs), extents, options);
  }

  /** The refined points of each level. */
  regression(outputs: readonly RepPointsOutput[]): Tensor4D[] {
    return outputs.map(({ refined }) => refined);
  }

  dispose(): void {
    this.parameters.dispose();
  }

  /** Logarithms of half a width and half a height for a deviation of 1. */
  private get transfer(): Tensor1D {
    return this.parameters.get('bbox_head.moment_transfer').value as Tensor1D;
  }

  /** [N * points * 4] the boxes of a stage, seen from the points, in their strides: numbers, no tensors. */
  private boxes(outputs: readonly RepPointsOutput[], stage: Stage): Float32Array {
    const boxes = tf.tidy(() => momentBoxes(stopGradient(joined(outputs, stage)), stopGradient(this.transfer)));
    const values = boxes.dataSync() as Float32Array;
    boxes.dispose();
    return values;
  }

  private grids(outputs: readonly RepPointsOutput[]): PointGrid[] {
    return pointGrids(outputs.map(({ logits }) => logits), this.strides, 'corner');
  }
}

/** [N * points, 18] */
function joined(outputs: readonly RepPointsOutput[], stage: Stage): Tensor2D {
  return joinLevels(outputs.map((output) => output[stage]), 2 * POINTS);
}
