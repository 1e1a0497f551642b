/**
 * Faster R-CNN (Ren et al., arXiv 1506.01497) on a feature pyramid: a network that proposes regions
 * and a head that looks at them one by one. Parameters bear mmdet's names.
 */
import { tf, type Tensor4D } from '../../tf';
import type { Detections, Target } from '../../data/types';
import { Parameters } from '../../core/parameters';
import { Random } from '../../core/random';
import { checkExtents } from '../checks';
import type { DetectionLosses, Detector, DetectOptions, Extent, LossOptions, NetworkConfig } from '../detector';
import type { Choose } from '../draw';
import { pyramidStrides } from '../levels';
import { createTrunk, trunk } from '../trunk';
import { detectRegions } from './detect';
import { type Drawn, regressionOf } from './drawn';
import { FirstStage, type FirstStageConfig, type FirstStageOutput } from './first-stage';
import { type Deviations, matchRegions, type RegionConfig, regionsOf } from './regions';
import { createRoiHead, regionLosses, roiHead, type RoiHeadConfig, type RoiOutput } from './roi-head';

export interface FasterRcnnConfig extends NetworkConfig, FirstStageConfig {
  kind: 'faster-rcnn';
  regions: RegionConfig;
  /** `classAgnostic`: whether all classes share their deltas. */
  head: RoiHeadConfig & { classAgnostic: boolean; deviations: Deviations };
}

/** What the first stage gives; after `loss` with the regions that were drawn. */
export type FasterRcnnOutput = FirstStageOutput & Drawn;

type Part = 'objectness' | 'proposal' | 'classification' | 'box';

const HEAD = 'roi_head.bbox_head';

export class FasterRcnn implements Detector<FasterRcnnOutput> {
  readonly parameters = new Parameters();
  readonly strides: readonly number[];
  readonly drawsRegions = true;
  private readonly first: FirstStage;

  /** @param options.choose in place of the draw by the seed of a step */
  constructor(
    readonly config: FasterRcnnConfig,
    { seed = 0, choose }: { seed?: number; choose?: Choose } = {},
  ) {
    const { classes, neck, head } = config;
    const random = new Random(seed);
    this.strides = pyramidStrides(config.backbone, neck);
    createTrunk(this.parameters, config, random);
    this.first = new FirstStage(this.parameters, config, this.strides, random, choose);
    createRoiHead(this.parameters, HEAD, head, { ...head, inputs: neck.channels, classes }, random);
  }

  get channels(): number {
    return this.config.neck.channels;
  }

  pyramid(images: Tensor4D, training = false): Tensor4D[] {
    return trunk(this.parameters, this.config, images, training);
  }

  /** The first stage; `loss` and `detect` run the second on the same maps. */
  head(pyramid: readonly Tensor4D[]): FasterRcnnOutput {
    return this.first.outputs(pyramid);
  }

  /** Losses of both stages, over anchors and regions that are drawn by `seed`. */
  loss(
    outputs: FasterRcnnOutput,
    targets: readonly Target[],
    options: LossOptions = {},
  ): Record<Part, DetectionLosses[string]> {
    const { regions, classes, head } = this.config;
    const { losses, proposals, draw } = this.first.step(outputs, targets, options);
    const matches = matchRegions(proposals, targets, regions, classes, head.deviations, draw);
    const second = this.second(outputs, matches.boxes);
    outputs.drawn = { boxes: matches.boxes, deltas: second.deltas };
    return { ...losses, ...regionLosses(second, matches, { beta: 0 }) };
  }

  detect(outputs: FasterRcnnOutput, extents: readonly Extent[], options: DetectOptions = {}): Detections[] {
    checkExtents(outputs.rpn[0].objectness, extents);
    const boxes = regionsOf(this.first.proposals(outputs, extents, 'test'));
    const second = this.second(outputs, boxes);
    const found = detectRegions(boxes, second, this.config.head.deviations, extents, options);
    tf.dispose(Object.values(second));
    return found;
  }

  /** The deltas [R, 1, 1, ...] of the regions that were drawn for `drawn`, cut out of these maps. */
  regression(outputs: FasterRcnnOutput, drawn: unknown = outputs): Tensor4D[] {
    return regressionOf(outputs, drawn, (boxes) => this.second(outputs, boxes).deltas);
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private second({ pyramid }: FasterRcnnOutput, boxes: Float32Array): RoiOutput {
    return roiHead(this.parameters, HEAD, this.config.head, pyramid, this.strides, boxes);
  }
}
