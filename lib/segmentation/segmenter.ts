/**
 * Semantic segmentation as mmsegmentation's EncoderDecoder: a dilated ResNet whose last map has a
 * stride of 8, a head that gives each of its positions classes, logits resized to the picture, and
 * in training a second head on the stage before. PSPNet and DeepLabV3 are configs of it. Parameters
 * bear mmsegmentation's names.
 */
import { checkImages } from '../backbone/backbone';
import { blocksOf, resNetChannels, type ResNetConfig } from '../backbone/resnet';
import { createResNet, resNetMaps } from '../backbone/resnet-network';
import { Parameters } from '../core/parameters';
import { Random } from '../core/random';
import { IGNORED, type LabelMap } from '../data/label-map';
import { counting, type LossOptions, type Normalizer, type TaskLosses, type TaskNetwork } from '../data/task';
import type { Normalization } from '../data/types';
import { interpolate } from '../kernels/resize';
import { tf, type Scalar, type Tensor4D } from '../tf';
import { crossEntropy } from './cross-entropy';
import type { Drawn } from './dropout';
import { createHead, headLogits, type FcnConfig, type HeadConfig, type HeadSetting } from './head';

export interface SegmenterConfig {
  kind: 'segmenter';
  classes: number;
  /** How pixels become the network's input. Default: ImageNet's statistics, R, G, B. */
  input?: Normalization;
  /** Its `levels` are those of its last two stages; without an auxiliary head the last alone will do. */
  backbone: ResNetConfig;
  head: HeadConfig;
  /** A second head, in training only, on the stage before the last; its loss is weighted. */
  auxiliary?: Omit<FcnConfig, 'kind'> & { weight: number };
  /** Of both heads, in training. mmsegmentation's 0.1. */
  dropout: number;
  /** Of all resizes. mmsegmentation's false. */
  alignCorners: boolean;
  /**
   * What a student imitates and a prompt is tuned on: the last map of the backbone, or the classes'
   * logits.
   */
  imitated: 'features' | 'logits';
  /**
   * What the sum over labelled pixels is divided by: the number of all pixels, as mmsegmentation
   * does by default, or of the labelled, as PyTorch.
   */
  average: 'all' | 'labelled';
}

/** At the stride of the last map, [N, h, w, classes]. */
export interface SegmenterOutputs {
  logits: Tensor4D;
  /** In training, of the second head. */
  auxiliary?: Tensor4D;
}

export class Segmenter implements TaskNetwork<SegmenterOutputs, LabelMap> {
  readonly parameters = new Parameters();
  readonly strides: readonly number[];
  readonly channels: number;
  private readonly decode: HeadSetting;
  private readonly auxiliary: HeadSetting | undefined;

  constructor(
    readonly config: SegmenterConfig,
    { seed = 0 }: { seed?: number } = {},
  ) {
    const { backbone, head, auxiliary, classes, dropout, alignCorners } = config;
    const random = new Random(seed);
    const inputs = resNetChannels(backbone);
    const common = { norm: backbone.norm, dropout, alignCorners };
    this.decode = { name: 'decode_head', config: head, ...common };
    createResNet(this.parameters, backbone, random);
    createHead(this.parameters, this.decode, { inputs: inputs[inputs.length - 1], classes }, random);
    if (auxiliary) {
      if (inputs.length < 2)
        throw new RangeError(`auxiliary reads the stage before the last, but backbone.levels are ${backbone.levels}`);
      const own: FcnConfig = { kind: 'fcn', channels: auxiliary.channels };
      this.auxiliary = { name: 'auxiliary_head', config: own, ...common };
      createHead(this.parameters, this.auxiliary, { inputs: inputs[inputs.length - 2], classes }, random);
    }
    const stem = backbone.stem.pool ? 4 : 2;
    this.strides = [blocksOf(backbone).reduce((stride, block) => stride * block.stride, stem)];
    this.channels = config.imitated === 'logits' ? classes : inputs[inputs.length - 1];
  }

  /** What is imitated; in training of a network with a second head, behind it what that reads. */
  pyramid(images: Tensor4D, training = false, options: LossOptions = {}): Tensor4D[] {
    checkImages(images);
    return tf.tidy(() => {
      const maps = resNetMaps(this.parameters, this.config.backbone, images, training);
      const last = maps[maps.length - 1];
      const imitated = this.config.imitated === 'logits' ? this.logits(this.decode, last, training, options) : last;
      return training && this.auxiliary ? [imitated, maps[maps.length - 2]] : [imitated];
    });
  }

  head(
    [imitated, before]: readonly Tensor4D[],
    { training = false, ...options }: LossOptions & { training?: boolean } = {},
  ): SegmenterOutputs {
    const isLogits = this.config.imitated === 'logits';
    const logits = isLogits ? imitated.clone() : this.logits(this.decode, imitated, training, options);
    if (!training || !this.auxiliary || !before) return { logits };
    return { logits, auxiliary: this.logits(this.auxiliary, before, training, options) };
  }

  private logits(setting: HeadSetting, map: Tensor4D, training: boolean, { seed, extents }: LossOptions): Tensor4D {
    const drawn: Drawn | undefined =
      seed === undefined ? undefined : { seed, ids: (extents ?? []).map(({ id }, i) => id ?? i) };
    return headLogits(this.parameters, setting, map, { training, drawn });
  }

  /** Cross entropy of both heads at the size of the label maps. */
  loss({ logits, auxiliary }: SegmenterOutputs, targets: readonly LabelMap[]): TaskLosses {
    const [{ height, width }] = targets;
    const part = (map: Tensor4D, weight: number): TaskLosses[string] => {
      const normalizer = this.normalizerOf(targets);
      const value = tf.tidy(() => {
        const resized = interpolate(map, [height, width], this.config);
        return tf.mul(crossEntropy(resized, targets).sum, weight / normalizer.normalizer) as Scalar;
      });
      return { value, ...normalizer };
    };
    return {
      classes: part(logits, 1),
      ...(auxiliary && { auxiliary: part(auxiliary, this.config.auxiliary!.weight) }),
    };
  }

  normalizers(_: readonly [number, number], targets: readonly LabelMap[]): Record<string, Normalizer> {
    const normalizer = this.normalizerOf(targets);
    return { classes: normalizer, ...(this.auxiliary && { auxiliary: normalizer }) };
  }

  private normalizerOf(targets: readonly LabelMap[]): Required<Normalizer> {
    const labelled = ({ labels }: LabelMap): number => labels.reduce((n, label) => n + (label === IGNORED ? 0 : 1), 0);
    const pixels = this.config.average === 'all' ? ({ labels }: LabelMap): number => labels.length : labelled;
    return counting(targets.reduce((sum, target) => sum + pixels(target), 0));
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
