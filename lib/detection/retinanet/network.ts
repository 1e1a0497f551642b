/**
 * RetinaNet (Lin et al., arXiv 1708.02002): backbone, feature pyramid and shared heads over named
 * parameters. A network is a config object; its pyramid is what FreeKD distils. Parameters bear
 * mmdet's names.
 */
import { tf, type Tensor4D } from '../../tf';
import { type Detections, type Target } from '../../data/types';
import { Parameters } from '../../core/parameters';
import { Random } from '../../core/random';
import { type AnchorConfig, AnchorGrids, anchorsPerCell } from '../anchors';
import { type AssignConfig } from '../assign';
import { checkExtents, checkLevels, checkTargets } from '../checks';
import type {
  DenseHead,
  DetectionLosses,
  Detector,
  DetectOptions,
  Extent,
  HeadOptions,
  LossOptions,
  NetworkConfig,
  Normalizer,
} from '../detector';
import { detect } from './detect';
import { createHead, head, type HeadConfig, type HeadOutput } from './head';
import { boxLoss } from '../box-loss';
import { sidesOfDeltas } from '../box-sides';
import { focalLoss, type FocalConfig } from '../focal-loss';
import { joinLevels, mapSizes, pyramidStrides } from '../levels';
import { keptMaps } from '../tower';
import { createTrunk, trunk } from '../trunk';
import { type Matches, matchTargets } from './targets';

export interface RetinaNetConfig extends NetworkConfig {
  /** Configs without it, from before there were kinds, are of this one. */
  kind?: 'retinanet';
  head: HeadConfig;
  anchors: AnchorConfig;
  assign: AssignConfig;
  loss: { focal: FocalConfig; box: { beta: number } };
}

export class RetinaNet implements Detector<HeadOutput[]> {
  readonly parameters = new Parameters();
  readonly strides: readonly number[];
  private readonly anchors: AnchorGrids;

  constructor(
    readonly config: RetinaNetConfig,
    { seed = 0 }: { seed?: number } = {},
  ) {
    const random = new Random(seed);
    const sizes = { inputs: config.neck.channels, classes: config.classes, anchors: anchorsPerCell(config.anchors) };
    createTrunk(this.parameters, config, random);
    createHead(this.parameters, config.head, sizes, random);
    this.strides = pyramidStrides(config.backbone, config.neck);
    this.anchors = new AnchorGrids(config.anchors, this.strides);
  }

  get channels(): number {
    return this.config.neck.channels;
  }

  pyramid(images: Tensor4D, training = false): Tensor4D[] {
    return trunk(this.parameters, this.config, images, training);
  }

  /** Class logits and box deltas of each pyramid level. */
  head(pyramid: readonly Tensor4D[], { training = false, keepAfter }: HeadOptions = {}): HeadOutput[] {
    checkLevels(pyramid, this.strides);
    return tf.tidy(() => head(this.parameters, this.config.head, [pyramid, pyramid], { training, keepAfter }));
  }

  get dense(): DenseHead<HeadOutput[]> {
    const { parameters, config } = this;
    return {
      towers: config.head,
      from: (outputs, after) =>
        tf.tidy(() => head(parameters, config.head, keptMaps(outputs), { training: false, from: after })),
      predictions: (outputs) => outputs.map(({ logits, deltas }) => ({ logits, sides: sidesOfDeltas(deltas) })),
    };
  }

  /**
   * Focal and box loss; `extents` because anchors beyond a picture learn nothing. Both are divided
   * by the same number, see `Matches.normalizer`.
   */
  loss(
    outputs: readonly HeadOutput[],
    targets: readonly Target[],
    { extents }: LossOptions = {},
  ): Record<'classification' | 'box', DetectionLosses[string]> {
    const { classes, loss } = this.config;
    checkTargets(outputs[0].logits, targets);
    const matches = this.matches(outputs.map(({ logits }) => logits), targets, extents);
    const { normalizer } = matches;
    const [logits, deltas] = (['logits', 'deltas'] as const).map((field) => outputs.map((output) => output[field]));
    const classification = tf.tidy(() => focalLoss(logits, classes, matches, normalizer, loss.focal));
    const box = tf.tidy(() => boxLoss(joinLevels(deltas, 4), matches, normalizer, loss.box));
    return { classification: { value: classification, normalizer }, box: { value: box, normalizer } };
  }

  normalizers(
    size: readonly [number, number],
    targets: readonly Target[],
    { extents }: LossOptions = {},
  ): Record<'classification' | 'box', Normalizer> {
    const maps = mapSizes(size, this.strides).map((sides) => ({ shape: [targets.length, ...sides] }));
    const { normalizer } = this.matches(maps, targets, extents);
    return { classification: { normalizer }, box: { normalizer } };
  }

  private matches(
    maps: readonly { shape: readonly number[] }[],
    targets: readonly Target[],
    extents: LossOptions['extents'],
  ): Matches {
    const { classes, assign } = this.config;
    const grids = this.anchors.of(maps);
    return matchTargets(grids, targets, classes, assign, extents && this.anchors.cellsOf(grids, extents));
  }

  detect(outputs: readonly HeadOutput[], extents: readonly Extent[], options?: DetectOptions): Detections[] {
    checkExtents(outputs[0].logits, extents);
    const anchors = this.anchors.of(outputs.map(({ logits }) => logits)).map(({ boxes }) => boxes);
    return detect(outputs, anchors, this.config.classes, extents, options);
  }

  /** The box deltas of each level. */
  regression(outputs: readonly HeadOutput[]): Tensor4D[] {
    return outputs.map(({ deltas }) => deltas);
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
