/**
 * A detector as all else knows it, whatever its family. A family is a folder beside this file: its
 * network, targets, losses and presets; families.ts is the one place that knows all of them.
 */
import type { Extent, LossOptions, TaskNetwork } from '../data/task';
import type { Detections, Normalization } from '../data/types';
import type { Tensor2D, Tensor4D } from '../tf';
import type { BackboneConfig } from '../backbone/backbone';
import type { FpnConfig } from './fpn';
import type { TowerConfig } from './tower';

export { counting } from '../data/task';
export type { Extent, LossOptions, Normalizer, TaskLosses as DetectionLosses } from '../data/task';

/** What the configs of all families have. */
export interface NetworkConfig {
  /** The family. Default: RetinaNet, as configs had before there were others. */
  kind?: string;
  classes: number;
  /** How pixels become the network's input. Default: ImageNet's statistics, R, G, B. */
  input?: Normalization;
  backbone: BackboneConfig;
  neck: FpnConfig;
}

export interface HeadOptions extends LossOptions {
  training?: boolean;
  /** After how many convolutions of its towers a `dense` head keeps the maps in its outputs. Default: nowhere. */
  keepAfter?: number;
}

/** A pyramid level of predictions at every place: an anchor or a point. */
export interface DensePrediction {
  /** A number a place and class. */
  logits: Tensor4D;
  /**
   * [places, 4] from a point of each place to the left, top, right and bottom side of its box, in
   * units of the place's own.
   */
  sides: Tensor2D;
}

/** A head of two towers, for classes and for boxes, that predicts at every place of the pyramid. */
export interface DenseHead<Outputs> {
  /** Of each tower. */
  readonly towers: Pick<TowerConfig, 'convs' | 'channels'>;
  /**
   * What this head makes of another's maps: its layers from the one after `after` convolutions on.
   * @param outputs of a head of the same family, run with `keepAfter: after`
   */
  from(outputs: Outputs, after: number): Outputs;
  /** Of every level. */
  predictions(outputs: Outputs): DensePrediction[];
}

export interface DetectOptions {
  /** What scores above this counts. Default 0.05. */
  scoreThreshold?: number;
  /** Candidates of one level that go on to suppression. Default 1000. */
  perLevel?: number;
  /** Overlap above which the lower scored box of a class goes. Default 0.5, FCOS's its config's. */
  iouThreshold?: number;
  /** Detections a picture. Default 100. */
  maximum?: number;
}

/**
 * The options, those that are not given by their defaults.
 * @param overlap the default of `iouThreshold`
 */
export function detectSettings(options: DetectOptions, overlap = 0.5): Required<DetectOptions> {
  const { scoreThreshold = 0.05, perLevel = 1000, iouThreshold = overlap, maximum = 100 } = options;
  return { scoreThreshold, perLevel, iouThreshold, maximum };
}

/** @typeParam Outputs what the head gives, known to the detector alone */
export interface Detector<Outputs = unknown> extends TaskNetwork<Outputs> {
  readonly config: NetworkConfig;
  pyramid(images: Tensor4D, training?: boolean): Tensor4D[];
  head(pyramid: readonly Tensor4D[], options?: HeadOptions): Outputs;
  /** Of families whose head is a dense one. */
  readonly dense?: DenseHead<Outputs>;
  /** Detections of each picture, best first, in input pixels, clipped to the picture. */
  detect(outputs: Outputs, extents: readonly Extent[], options?: DetectOptions): Detections[];
  /** Whether `regression` is of regions that `loss` has drawn: then it is asked after that. */
  readonly drawsRegions?: boolean;
  /**
   * What a student's head may imitate of the boxes: [N, H, W, ...] of each level, or [R, 1, 1, ...]
   * of the regions that were drawn for `drawn`, which are another detector's outputs; by default its
   * own.
   */
  regression(outputs: Outputs, drawn?: unknown): Tensor4D[];
}
