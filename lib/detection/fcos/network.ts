/**
 * FCOS (Tian et al., arXiv 1904.01355), plain and with mmdetection's improvements (center sampling,
 * distances in strides, generalised IoU): backbone, feature pyramid and a head without anchors.
 * Parameters bear mmdet's names.
 */
import { tf, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '../../tf';
import { type Detections, type Target } from '../../data/types';
import { Parameters } from '../../kernels/parameters';
import { Random } from '../../kernels/random';
import { type DetectOptions, type Extent } from '../detect';
import { type LossPart } from '../detector';
import { createFpn, fpn, type FpnConfig } from '../fpn';
import { focalLoss, type FocalConfig } from '../losses';
import { backbone, backboneChannels, createBackbone, pyramidStrides, type ResNetConfig } from '../resnet';
import { detectFcos } from './detect';
import { createFcosHead, fcosHead, type FcosHeadConfig, type FcosOutput } from './head';
import { type BoxLossKind, centernessLoss, distanceLoss } from './losses';
import { pointGrids, type PointGrid } from './points';
import { matchPoints, type PointAssignConfig } from './targets';

export interface FcosConfig {
  kind: 'fcos';
  classes: number;
  backbone: ResNetConfig;
  neck: FpnConfig;
  head: FcosHeadConfig;
  assign: PointAssignConfig;
  loss: { focal: FocalConfig; box: BoxLossKind };
  /** Overlap above which the lower scored box of a class goes. */
  nms: number;
}

/** Least sum of centerness that the box loss is divided by. */
const LEAST_WEIGHT = 1e-6;

export class Fcos {
  readonly parameters = new Parameters();
  /** Input pixels from one position of a pyramid level to the next, finest level first. */
  readonly strides: readonly number[];

  constructor(readonly config: FcosConfig, { seed = 0 }: { seed?: number } = {}) {
    const { classes, neck } = config;
    const random = new Random(seed);
    this.strides = pyramidStrides(config.backbone, neck.extraLevels);
    if (config.assign.ranges.length !== this.strides.length)
      throw new RangeError(
        `assign.ranges has ${config.assign.ranges.length} levels, the pyramid ${this.strides.length} (strides ${this.strides})`,
      );
    createBackbone(this.parameters, config.backbone, random);
    createFpn(this.parameters, neck, backboneChannels(config.backbone), random);
    const sizes = { inputs: neck.channels, classes, levels: this.strides.length };
    createFcosHead(this.parameters, config.head, sizes, random);
  }

  /** As in `Detector`. */
  pyramid(images: Tensor4D, training = false): Tensor4D[] {
    return tf.tidy(() =>
      fpn(this.parameters, this.config.neck, backbone(this.parameters, this.config.backbone, images, training)),
    );
  }

  /** Class logits, distances and centerness of each pyramid level. */
  head(pyramid: readonly Tensor4D[], training = false): FcosOutput[] {
    return tf.tidy(() => fcosHead(this.parameters, this.config.head, pyramid, training));
  }

  /**
   * Focal, box and centerness loss of a batch. Class and centerness are divided by the number of
   * points that learn an object, the box loss, which the centerness weighs, by the sum of that.
   */
  loss(outputs: readonly FcosOutput[], targets: readonly Target[]): Record<'classification' | 'box' | 'centerness', LossPart> {
    const { classes, assign, loss, head } = this.config;
    const matches = matchPoints(this.grids(outputs), targets, classes, assign);
    const count = Math.max(1, matches.positives.length);
    const weight = Math.max(LEAST_WEIGHT, matches.centerness.reduce((sum, value) => sum + value, 0));
    const [classification, box, centerness] = tf.tidy(() => {
      const rows = tf.tensor1d(matches.positives, 'int32');
      const units = head.distance === 'stride' ? matches.strides : matches.strides.map(() => 1);
      const wanted = tf.tensor2d(matches.distances.map((d, i) => d / units[i >> 2]), [rows.size, 4]);
      const central = tf.tensor1d(matches.centerness);
      const predicted = tf.gather(joinLevels(outputs.map(({ distances }) => distances), 4), rows) as Tensor2D;
      const logits = tf.reshape(joinLevels(outputs.map((output) => output.centerness), 1), [-1]);
      return [
        focalLoss(joinLevels(outputs.map((output) => output.logits), classes), matches, count, loss.focal),
        distanceLoss(predicted, wanted, central, weight, loss.box),
        centernessLoss(tf.gather(logits, rows) as Tensor1D, central, count),
      ];
    });
    return {
      classification: { value: classification, normalizer: count },
      box: { value: box, normalizer: weight },
      centerness: { value: centerness, normalizer: count },
    };
  }

  /** Detections of each picture, best first, in input pixels. `extents` says how much of each input is picture. */
  detect(outputs: readonly FcosOutput[], extents: readonly Extent[], options: DetectOptions = {}): Detections[] {
    const { scoreThreshold = 0.05, perLevel = 1000, iouThreshold = this.config.nms, maximum = 100 } = options;
    const units = this.config.head.distance === 'stride' ? this.strides : this.strides.map(() => 1);
    return detectFcos(outputs, this.grids(outputs), units, extents, { scoreThreshold, perLevel, iouThreshold, maximum });
  }

  /** What a distillation loss on the head imitates: the distances of each level. */
  regression(outputs: readonly FcosOutput[]): Tensor[] {
    return outputs.map(({ distances }) => distances);
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private grids(outputs: readonly FcosOutput[]): PointGrid[] {
    return pointGrids(outputs.map(({ logits }) => [logits.shape[1], logits.shape[2]] as const), this.strides);
  }
}

/** [N, H, W, size] of each level -> [N * points, size], picture by picture, then level by level. */
function joinLevels(levels: readonly Tensor4D[], size: number): Tensor2D {
  const pictures = levels[0].shape[0];
  return tf.reshape(tf.concat(levels.map((level) => tf.reshape(level, [pictures, -1])), 1), [-1, size]);
}
