/**
 * Faster R-CNN (Ren et al., arXiv 1506.01497) on a feature pyramid: a network that proposes regions
 * and a head that looks at them one by one. Parameters bear mmdet's names.
 */
import { tf, type Tensor2D, type Tensor4D } from '../../tf';
import type { Detections, Target } from '../../data/types';
import { Parameters } from '../../core/parameters';
import { Random } from '../../core/random';
import { type AnchorConfig, type AnchorGrid, AnchorGrids, anchorsPerCell } from '../anchors';
import { checkExtents, checkLevels, checkTargets } from '../checks';
import type { DetectionLosses, Detector, DetectOptions, Extent, LossOptions, NetworkConfig } from '../detector';
import { type Choose, drawer } from '../draw';
import { pyramidStrides } from '../levels';
import { checkTarget } from '../target';
import { createTrunk, trunk } from '../trunk';
import { detectRegions } from './detect';
import { type ProposalConfig, proposalsOf } from './proposals';
import { matchRegions, type RegionConfig } from './regions';
import { createRoiHead, regionLosses, roiHead, type RoiHeadConfig } from './roi-head';
import { createRpn, matchAnchors, rpn, rpnLosses, type RpnConfig, type RpnOutput } from './rpn';

export interface FasterRcnnConfig extends NetworkConfig {
  kind: 'faster-rcnn';
  anchors: AnchorConfig;
  rpn: RpnConfig;
  proposals: { training: ProposalConfig; test: ProposalConfig };
  regions: RegionConfig;
  head: RoiHeadConfig;
}

/** What the first stage gives, and the maps that the second cuts its regions from. */
export interface FasterRcnnOutput {
  pyramid: readonly Tensor4D[];
  rpn: RpnOutput[];
  /** After `loss`: the regions that were drawn [R, 5], and their deltas. */
  drawn?: { boxes: Float32Array; deltas: Tensor2D };
}

type Part = 'objectness' | 'proposal' | 'classification' | 'box';

export class FasterRcnn implements Detector<FasterRcnnOutput> {
  readonly parameters = new Parameters();
  readonly strides: readonly number[];
  readonly drawsRegions = true;
  private readonly anchors: AnchorGrids;
  /** In place of the draw by the seed of a step. */
  private readonly choose?: Choose;

  constructor(
    readonly config: FasterRcnnConfig,
    { seed = 0, choose }: { seed?: number; choose?: Choose } = {},
  ) {
    const { classes, neck } = config;
    const random = new Random(seed);
    this.choose = choose;
    this.strides = pyramidStrides(config.backbone, neck);
    createTrunk(this.parameters, config, random);
    this.anchors = new AnchorGrids(config.anchors, this.strides);
    const anchors = anchorsPerCell(config.anchors);
    createRpn(this.parameters, config.rpn, { inputs: neck.channels, anchors }, random);
    createRoiHead(this.parameters, config.head, { inputs: neck.channels, classes }, random);
  }

  get channels(): number {
    return this.config.neck.channels;
  }

  pyramid(images: Tensor4D, training = false): Tensor4D[] {
    return trunk(this.parameters, this.config, images, training);
  }

  /** The first stage; `loss` and `detect` run the second on the same maps. */
  head(pyramid: readonly Tensor4D[]): FasterRcnnOutput {
    checkLevels(pyramid, this.strides);
    return { pyramid, rpn: rpn(this.parameters, pyramid) };
  }

  /** Losses of both stages, over anchors and regions that are drawn by `seed`. */
  loss(
    outputs: FasterRcnnOutput,
    targets: readonly Target[],
    { extents, seed = '' }: LossOptions = {},
  ): Record<Part, DetectionLosses[string]> {
    const { config } = this;
    checkTargets(outputs.rpn[0].objectness, targets);
    targets.forEach((target, n) => checkTarget(target, n, config.classes));
    const grids = this.grids(outputs);
    const sizes = extents ?? targets.map(() => this.input(outputs));
    const names = targets.map((_, n) => extents?.[n].id ?? n);
    const choose = this.choose ?? drawer(seed);
    const cells = this.anchors.cellsOf(grids, sizes);
    const anchors = matchAnchors(grids, targets, config.rpn, cells, choose, names);
    const first = rpnLosses(outputs.rpn, anchors);
    const proposals = proposalsOf(outputs.rpn, grids, sizes, config.proposals.training);
    const { deviations, classAgnostic } = config.head;
    const regions = matchRegions(proposals, targets, config.regions, config.classes, deviations, choose, names);
    const second = this.second(outputs.pyramid, regions.boxes);
    const { classification, box } = regionLosses(second, regions, classAgnostic);
    outputs.drawn = { boxes: regions.boxes, deltas: second.deltas };
    const [ofAnchors, ofRegions] = [anchors.normalizer, regions.labels.length];
    return {
      objectness: { value: first.objectness, normalizer: ofAnchors },
      proposal: { value: first.box, normalizer: ofAnchors },
      classification: { value: classification, normalizer: ofRegions },
      box: { value: box, normalizer: ofRegions },
    };
  }

  detect(outputs: FasterRcnnOutput, extents: readonly Extent[], options: DetectOptions = {}): Detections[] {
    checkExtents(outputs.rpn[0].objectness, extents);
    const proposals = proposalsOf(outputs.rpn, this.grids(outputs), extents, this.config.proposals.test);
    const boxes = Float32Array.from(
      proposals.flatMap((own, n) =>
        Array.from({ length: own.length / 4 }, (_, r) => [n, ...own.subarray(4 * r, 4 * r + 4)]).flat(),
      ),
    );
    const second = this.second(outputs.pyramid, boxes);
    const found = detectRegions(boxes, second, this.config.head.deviations, extents, options);
    tf.dispose(Object.values(second));
    return found;
  }

  /** The deltas [R, 1, 1, ...] of the regions that were drawn for `drawn`, cut out of these maps. */
  regression(outputs: FasterRcnnOutput, drawn: unknown = outputs): Tensor4D[] {
    const of = (drawn as FasterRcnnOutput).drawn;
    if (!of) throw new Error('the regions of Faster R-CNN are drawn by its loss: ask for that first');
    const own = drawn === outputs ? of.deltas : tf.tidy(() => this.second(outputs.pyramid, of.boxes).deltas);
    return [tf.reshape(own, [own.shape[0], 1, 1, own.shape[1]])];
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private second(pyramid: readonly Tensor4D[], boxes: Float32Array): { logits: Tensor2D; deltas: Tensor2D } {
    return roiHead(this.parameters, this.config.head, pyramid, this.strides, { boxes });
  }

  private grids({ rpn: levels }: FasterRcnnOutput): AnchorGrid[] {
    return this.anchors.of(levels.map(({ objectness }) => objectness));
  }

  /** Size of the input, padding included. */
  private input({ pyramid }: FasterRcnnOutput): Extent {
    const [, height, width] = pyramid[0].shape;
    return { inputHeight: height * this.strides[0], inputWidth: width * this.strides[0] };
  }
}
