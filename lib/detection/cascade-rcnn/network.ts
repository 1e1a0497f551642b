/**
 * Cascade R-CNN (Cai and Vasconcelos, arXiv 1712.00726) on a feature pyramid: Faster R-CNN with
 * several heads, each of which looks at the regions where the one before it has moved its own, and
 * learns from those that overlap an object more. Parameters bear mmdet's names (`CascadeRoIHead`).
 *
 * There are boxes only. The published teacher, Cascade Mask R-CNN, has a mask head beside each of
 * the three; here it is left out, so a prompt that is tuned with this network's loss sees the loss
 * of boxes and not that of masks: a simplification.
 */
import { tf, type Tensor2D, type Tensor4D } from '../../tf';
import type { Detections, Target } from '../../data/types';
import { Parameters } from '../../core/parameters';
import { Random } from '../../core/random';
import { checkExtents } from '../checks';
import type { DetectionLosses, Detector, DetectOptions, Extent, LossOptions, NetworkConfig } from '../detector';
import type { Choose } from '../draw';
import { detectRegions } from '../faster-rcnn/detect';
import { type Drawn, regressionOf } from '../faster-rcnn/drawn';
import { FirstStage, type FirstStageConfig, type FirstStageOutput } from '../faster-rcnn/first-stage';
import { type Deviations, matchRegions, type RegionConfig, regionsOf } from '../faster-rcnn/regions';
import { createRoiHead, regionLosses, roiHead, type RoiHeadConfig, type RoiOutput } from '../faster-rcnn/roi-head';
import { pyramidStrides } from '../levels';
import { createTrunk, trunk } from '../trunk';
import { proposedAgain, refined } from './refine';

/** One of the heads, and what it learns. */
export interface CascadeStageConfig {
  regions: RegionConfig;
  deviations: Deviations;
  /** Of its losses. */
  weight: number;
}

export interface CascadeRcnnConfig extends NetworkConfig, FirstStageConfig {
  kind: 'cascade-rcnn';
  /** Of every stage; all classes share its deltas, whose smooth L1 has this `beta` (see box-loss.ts). */
  head: RoiHeadConfig & { beta: number };
  /** In their order, each on the boxes of the one before. */
  stages: readonly CascadeStageConfig[];
}

/** What the first stage gives; after `loss` with the regions that were drawn for the first head. */
export type CascadeRcnnOutput = FirstStageOutput & Drawn;

export class CascadeRcnn implements Detector<CascadeRcnnOutput> {
  readonly parameters = new Parameters();
  readonly strides: readonly number[];
  readonly drawsRegions = true;
  private readonly first: FirstStage;

  /** @param options.choose in place of the draw by the seed of a step */
  constructor(
    readonly config: CascadeRcnnConfig,
    { seed = 0, choose }: { seed?: number; choose?: Choose } = {},
  ) {
    const { classes, neck, head, stages } = config;
    const random = new Random(seed);
    this.strides = pyramidStrides(config.backbone, neck);
    createTrunk(this.parameters, config, random);
    this.first = new FirstStage(this.parameters, config, this.strides, random, choose);
    const shape = { inputs: neck.channels, classes, classAgnostic: true };
    for (const i of stages.keys()) createRoiHead(this.parameters, headName(i), head, shape, random);
  }

  get channels(): number {
    return this.config.neck.channels;
  }

  pyramid(images: Tensor4D, training = false): Tensor4D[] {
    return trunk(this.parameters, this.config, images, training);
  }

  /** The regions proposed; `loss` and `detect` run the heads on the same maps. */
  head(pyramid: readonly Tensor4D[]): CascadeRcnnOutput {
    return this.first.outputs(pyramid);
  }

  /** Losses of all stages, those of the heads times their weights; anchors and regions are drawn by `seed`. */
  loss(outputs: CascadeRcnnOutput, targets: readonly Target[], options: LossOptions = {}): DetectionLosses {
    const { classes, head, stages } = this.config;
    const { losses, proposals: first, extents, draw } = this.first.step(outputs, targets, options);
    const all: DetectionLosses = { ...losses };
    let proposals = first;
    for (const [i, { regions, deviations, weight }] of stages.entries()) {
      const names = draw.names.map((name) => `${name}/stage${i}`);
      const matches = matchRegions(proposals, targets, regions, classes, deviations, { ...draw, names });
      const output = this.stage(i, outputs, matches.boxes);
      if (i === 0) outputs.drawn = { boxes: matches.boxes, deltas: output.deltas };
      for (const [part, loss] of Object.entries(regionLosses(output, matches, head)))
        all[`${part}${i + 1}`] = { ...loss, value: tf.mul(loss.value, weight) };
      if (i === stages.length - 1) break;
      const moved = refined(matches.boxes, output.deltas.dataSync() as Float32Array, deviations, extents);
      proposals = proposedAgain(moved, matches, targets.length);
    }
    return all;
  }

  /** The boxes of the last stage, scored by the mean of all stages' logits. */
  detect(outputs: CascadeRcnnOutput, extents: readonly Extent[], options: DetectOptions = {}): Detections[] {
    checkExtents(outputs.rpn[0].objectness, extents);
    const { stages } = this.config;
    let boxes = regionsOf(this.first.proposals(outputs, extents, 'test'));
    let last = this.stage(0, outputs, boxes);
    const logits: Tensor2D[] = [last.logits];
    for (let i = 1; i < stages.length; i++) {
      boxes = refined(boxes, last.deltas.dataSync() as Float32Array, stages[i - 1].deviations, extents);
      last.deltas.dispose();
      last = this.stage(i, outputs, boxes);
      logits.push(last.logits);
    }
    const mean = tf.tidy(() => tf.div(tf.addN(logits), logits.length) as Tensor2D);
    const { deviations } = stages[stages.length - 1];
    const found = detectRegions(boxes, { logits: mean, deltas: last.deltas }, deviations, extents, options);
    tf.dispose([logits, mean, last.deltas]);
    return found;
  }

  /** The first head's deltas [R, 1, 1, 4] of the regions that were drawn for `drawn`, cut out of these maps. */
  regression(outputs: CascadeRcnnOutput, drawn: unknown = outputs): Tensor4D[] {
    return regressionOf(outputs, drawn, (boxes) => this.stage(0, outputs, boxes).deltas);
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private stage(i: number, { pyramid }: CascadeRcnnOutput, boxes: Float32Array): RoiOutput {
    return roiHead(this.parameters, headName(i), this.config.head, pyramid, this.strides, boxes);
  }
}

const headName = (stage: number): string => `roi_head.bbox_head.${stage}`;
