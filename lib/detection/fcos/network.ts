/**
 * FCOS (Tian et al., arXiv 1904.01355), plain and with mmdetection's improvements (center sampling,
 * distances in strides, generalised IoU): backbone, feature pyramid and a head without anchors.
 * Parameters bear mmdet's names.
 */
import { tf, type Scalar, type Tensor1D, type Tensor2D, type Tensor4D } from '../../tf';
import { type Detections, type Target } from '../../data/types';
import { Parameters } from '../../core/parameters';
import { Random } from '../../core/random';
import { takeRows } from '../../kernels/take-rows';
import { type BoxLossKind, distanceLoss } from '../box-sides';
import { checkExtents, checkLevels, checkTargets } from '../checks';
import {
  counting,
  type DenseHead,
  type DetectionLosses,
  type Detector,
  type DetectOptions,
  detectSettings,
  type Extent,
  type HeadOptions,
  type NetworkConfig,
  type Normalizer,
} from '../detector';
import { focalLoss, type FocalConfig } from '../focal-loss';
import { joinLevels, mapSizes, pyramidStrides } from '../levels';
import { pointGrids, type PointGrid, type PointPlace } from '../points';
import { keptMaps } from '../tower';
import { createTrunk, trunk } from '../trunk';
import { detectFcos } from './detect';
import { createFcosHead, fcosHead, type FcosHeadConfig, type FcosOutput } from './head';
import { centernessLoss } from './losses';
import { matchPoints, type PointAssignConfig, type PointMatches } from './targets';

export interface FcosConfig extends NetworkConfig {
  kind: 'fcos';
  head: FcosHeadConfig;
  /** Where in a position its point lies. Default 'middle'. */
  points?: PointPlace;
  assign: PointAssignConfig;
  loss: { focal: FocalConfig; box: BoxLossKind };
  /** Overlap above which the lower scored box of a class goes. */
  nms: number;
}

type Part = 'classification' | 'box' | 'centerness';

/** Least sum of centerness that the box loss is divided by. */
const LEAST_WEIGHT = 1e-6;

/** Class and centerness are divided by the points that learn an object, boxes by their centerness. */
function normalizersOf({ positives, centerness }: PointMatches): Record<Part, Required<Normalizer>> {
  const points = counting(positives.length);
  const weight = centerness.reduce((sum, value) => sum + value, 0);
  return { classification: points, box: counting(weight, LEAST_WEIGHT), centerness: points };
}

const zeros = (): Scalar[] => [tf.scalar(0), tf.scalar(0)];

export class Fcos implements Detector<FcosOutput[]> {
  readonly parameters = new Parameters();
  readonly strides: readonly number[];

  constructor(
    readonly config: FcosConfig,
    { seed = 0 }: { seed?: number } = {},
  ) {
    const { classes, neck } = config;
    const random = new Random(seed);
    this.strides = pyramidStrides(config.backbone, neck);
    if (config.assign.ranges.length !== this.strides.length)
      throw new RangeError(
        `assign.ranges has ${config.assign.ranges.length} levels, the pyramid ` +
          `${this.strides.length} (strides ${this.strides})`,
      );
    createTrunk(this.parameters, config, random);
    const sizes = { inputs: neck.channels, classes, levels: this.strides.length };
    createFcosHead(this.parameters, config.head, sizes, random);
  }

  get channels(): number {
    return this.config.neck.channels;
  }

  pyramid(images: Tensor4D, training = false): Tensor4D[] {
    return trunk(this.parameters, this.config, images, training);
  }

  /** Class logits, distances and centerness of each pyramid level. */
  head(pyramid: readonly Tensor4D[], { training = false, keepAfter }: HeadOptions = {}): FcosOutput[] {
    checkLevels(pyramid, this.strides);
    return tf.tidy(() => fcosHead(this.parameters, this.config.head, [pyramid, pyramid], { training, keepAfter }));
  }

  get dense(): DenseHead<FcosOutput[]> {
    const { parameters, config } = this;
    return {
      towers: config.head,
      from: (outputs, after) =>
        tf.tidy(() => fcosHead(parameters, config.head, keptMaps(outputs), { training: false, from: after })),
      predictions: (outputs) =>
        outputs.map(({ logits, distances }) => ({ logits, sides: tf.reshape(distances, [-1, 4]) as Tensor2D })),
    };
  }

  /**
   * Focal, box and centerness loss of a batch. Class and centerness are divided by the number of
   * points that learn an object, the box loss, which the centerness weighs, by the sum of that.
   */
  loss(
    outputs: readonly FcosOutput[],
    targets: readonly Target[],
  ): Record<Part, DetectionLosses[string]> {
    const { classes, assign, loss } = this.config;
    checkTargets(outputs[0].logits, targets);
    const matches = matchPoints(this.grids(outputs), targets, classes, assign);
    const normalizers = normalizersOf(matches);
    const [count, weight] = [normalizers.classification.normalizer, normalizers.box.normalizer];
    const logits = outputs.map((output) => output.logits);
    const classification = tf.tidy(() => focalLoss(logits, classes, matches, count, loss.focal));
    const some = matches.positives.length > 0;
    const [box, centerness] = some ? this.pointLosses(outputs, matches, weight, count) : zeros();
    return {
      classification: { value: classification, ...normalizers.classification },
      box: { value: box, ...normalizers.box },
      centerness: { value: centerness, ...normalizers.centerness },
    };
  }

  normalizers(size: readonly [number, number], targets: readonly Target[]): Record<Part, Normalizer> {
    const { classes, assign, points } = this.config;
    const maps = mapSizes(size, this.strides).map((sides) => ({ shape: [targets.length, ...sides] }));
    return normalizersOf(matchPoints(pointGrids(maps, this.strides, points), targets, classes, assign));
  }

  /** Box and centerness loss of at least one point that learns an object. */
  private pointLosses(
    outputs: readonly FcosOutput[],
    { positives, distances, strides, centerness }: PointMatches,
    weight: number,
    count: number,
  ): Scalar[] {
    const { head, loss } = this.config;
    return tf.tidy(() => {
      const rows = tf.tensor1d(positives, 'int32');
      const inUnits = head.distance === 'stride' ? distances.map((d, i) => d / strides[i >> 2]) : distances;
      const wanted = tf.tensor2d(inUnits, [positives.length, 4]);
      const central = tf.tensor1d(centerness);
      const predicted = takeRows(joinLevels(outputs.map((output) => output.distances), 4), rows) as Tensor2D;
      const logits = takeRows(joinLevels(outputs.map((output) => output.centerness), 1), rows);
      return [
        distanceLoss(predicted, wanted, central, weight, loss.box),
        centernessLoss(tf.reshape(logits, [-1]) as Tensor1D, central, count),
      ];
    });
  }

  detect(outputs: readonly FcosOutput[], extents: readonly Extent[], options: DetectOptions = {}): Detections[] {
    checkExtents(outputs[0].logits, extents);
    const units = this.config.head.distance === 'stride' ? this.strides : this.strides.map(() => 1);
    const settings = detectSettings(options, this.config.nms);
    return detectFcos(outputs, this.grids(outputs), units, extents, settings);
  }

  /** The distances of each level. */
  regression(outputs: readonly FcosOutput[]): Tensor4D[] {
    return outputs.map(({ distances }) => distances);
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private grids(outputs: readonly FcosOutput[]): PointGrid[] {
    return pointGrids(outputs.map(({ logits }) => logits), this.strides, this.config.points);
  }
}
