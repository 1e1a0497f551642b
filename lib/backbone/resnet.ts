/**
 * What ResNet (He et al., arXiv 1512.03385) and ResNeXt (Xie et al., arXiv 1611.05431) backbones
 * consist of, in the form of torchvision, mmdetection and mmsegmentation. Depth and widths are a
 * config object, so the published networks and small ones for training from scratch are the same
 * code.
 */
import { type ConvShape, type Norm, normName } from './layers';

export interface ResNetConfig {
  /** Backbones without it are of this kind. */
  kind?: 'resnet';
  block: 'basic' | 'bottleneck';
  /**
   * mmdet's: where the stride of a bottleneck sits, in its 3x3 convolution ('pytorch', the default)
   * or in its first 1x1 ('caffe').
   */
  style?: 'pytorch' | 'caffe';
  /** Number of blocks of each stage. */
  blocks: readonly number[];
  /** Channels of each stage's 3x3 convolutions; a bottleneck's output has four times as many. */
  widths: readonly number[];
  /**
   * ResNeXt: a bottleneck's 3x3 convolution has `groups` groups of `widthPerGroup` channels for
   * each 64 of `widths`; its output stays four times `widths`. Default 1 and 64.
   */
  groups?: number;
  widthPerGroup?: number;
  /**
   * Stages, counted from 1, whose bottlenecks have a deformable 3x3 convolution (mmdet's
   * `stage_with_dcn`, version 1, one deformable group). Default none.
   */
  deformableStages?: readonly number[];
  /**
   * Of each stage, how many pixels the taps of its 3x3 convolutions are apart, of a basic block's
   * first alone; where above 1 the stage has stride 1, and its first block half of it (mmseg's
   * `contract_dilation`). Default 1.
   */
  dilations?: readonly number[];
  /**
   * First convolution, of stride 2. With `pool` a 3x3 max pool follows, without it the first stage
   * has stride 2. `deep`: three 3x3 convolutions in its place, two with half its channels and one
   * with all (ResNetV1c); default false.
   */
  stem: { kernel: 3 | 7; channels: number; pool: boolean; deep?: boolean };
  norm: Exclude<Norm, 'none'>;
  /** What norms add to the variance. Default 1e-5. */
  epsilon?: number;
  /**
   * As in mmdet: -1 trains everything, 0 freezes the stem, k freezes the stem and the first k
   * stages.
   */
  frozenStages: number;
  /**
   * Pyramid levels of the maps to return: stage k - 1 makes level k, of stride 2^k unless stages are
   * dilated.
   */
  levels: readonly number[];
}

/** A detector's config whose backbone is one of these, as that of the published ones is. */
export type OnResNet<Config> = Config & { backbone: ResNetConfig };

const published = {
  widths: [64, 128, 256, 512],
  stem: { kernel: 7, channels: 64, pool: true },
  norm: 'frozen',
  frozenStages: 1,
  levels: [3, 4, 5],
} as const;
export const resnet18: ResNetConfig = { ...published, block: 'basic', blocks: [2, 2, 2, 2] };
export const resnet50: ResNetConfig = { ...published, block: 'bottleneck', blocks: [3, 4, 6, 3] };
export const resnet101: ResNetConfig = { ...published, block: 'bottleneck', blocks: [3, 4, 23, 3] };
/** ResNeXt-101 32x4d with deformable convolutions in all stages but the first. */
export const resneXt101Deformable: ResNetConfig = {
  ...resnet101,
  groups: 32,
  widthPerGroup: 4,
  deformableStages: [2, 3, 4],
};
/** ResNeXt-101 64x4d. */
export const resneXt101: ResNetConfig = { ...resnet101, groups: 64, widthPerGroup: 4 };

/** Of basic blocks, for pictures of 128 x 128 pixels and training from scratch. */
export function smallBackbone(widths: readonly number[], blocksPerStage: number): ResNetConfig {
  return {
    block: 'basic',
    blocks: widths.map(() => blocksPerStage),
    widths,
    stem: { kernel: 3, channels: widths[0], pool: true },
    norm: 'batch',
    frozenStages: -1,
    levels: [3, 4, 5],
  };
}

export interface Block {
  name: string;
  /** 1 for `layer1`. */
  stage: number;
  inputs: number;
  /** Channels of the convolutions before the last. */
  width: number;
  outputs: number;
  stride: number;
  /** Of its 3x3 convolution, of the first of two. */
  dilation: number;
}

/** See `backboneChannels`. */
export function resNetChannels(config: ResNetConfig): number[] {
  return config.levels.map((level) => config.widths[level - 2] * expansion(config));
}

interface StemLayer {
  names: { conv: string; norm: string };
  kernel: number;
  inputs: number;
  outputs: number;
  stride: number;
}

/** The convolutions before the first stage; a deep stem bears the names of mmsegmentation's. */
export function stemLayers({ stem: { kernel, channels, deep }, norm }: ResNetConfig): StemLayer[] {
  const one = { conv: 'backbone.conv1', norm: `backbone.${normName(norm, 1)}` };
  if (!deep) return [{ names: one, kernel, inputs: 3, outputs: channels, stride: 2 }];
  const half = channels / 2;
  return [[3, half], [half, half], [half, channels]].map(([inputs, outputs], i) => ({
    names: { conv: `backbone.stem.${3 * i}`, norm: `backbone.stem.${3 * i + 1}` },
    kernel: 3,
    inputs,
    outputs,
    stride: i === 0 ? 2 : 1,
  }));
}

/** All blocks, in their order. */
export function blocksOf(config: ResNetConfig): Block[] {
  const blocks: Block[] = [];
  let inputs = config.stem.channels;
  const { groups = 1, widthPerGroup = 64, dilations = [] } = config;
  for (const [s, planes] of config.widths.entries()) {
    const apart = dilations[s] ?? 1;
    const width = Math.floor(planes * (widthPerGroup / 64)) * groups;
    const outputs = planes * expansion(config);
    for (let i = 0; i < config.blocks[s]; i++) {
      const stride = i === 0 && apart === 1 && (s > 0 || !config.stem.pool) ? 2 : 1;
      const dilation = i === 0 && apart > 1 ? Math.floor(apart / 2) : apart;
      blocks.push({ name: `backbone.layer${s + 1}.${i}`, stage: s + 1, inputs, width, outputs, stride, dilation });
      inputs = outputs;
    }
  }
  return blocks;
}

export interface Convolution extends Omit<ConvShape, 'init' | 'bias'> {
  stride: number;
  dilation?: number;
}

/** The convolutions on a block's main path, in order. */
export function convolutionsOf(
  { stage, inputs, width, outputs, stride, dilation }: Block,
  config: ResNetConfig,
): Convolution[] {
  if (config.block === 'basic')
    return [
      { kernel: 3, inputs, outputs: width, stride, dilation },
      { kernel: 3, inputs: width, outputs, stride: 1 },
    ];
  const [first, second] = config.style === 'caffe' ? [stride, 1] : [1, stride];
  const deformable = config.deformableStages?.includes(stage);
  return [
    { kernel: 1, inputs, outputs: width, stride: first },
    { kernel: 3, inputs: width, outputs: width, stride: second, dilation, groups: config.groups, deformable },
    { kernel: 1, inputs: width, outputs, stride: 1 },
  ];
}

function expansion(config: ResNetConfig): number {
  return config.block === 'bottleneck' ? 4 : 1;
}

/** Whether a 1x1 convolution stands beside the block's main path. */
export function needsProjection(block: Block): boolean {
  return block.stride !== 1 || block.inputs !== block.outputs;
}

/** @throws RangeError naming the field that does not fit the others */
export function checkResNet(config: ResNetConfig): void {
  const { block, blocks, widths, levels, groups = 1, widthPerGroup = 64, deformableStages = [] } = config;
  const { dilations = [], stem: { channels, deep } } = config;
  if (dilations.length > blocks.length || !dilations.every((dilation) => Number.isInteger(dilation) && dilation > 0))
    throw new RangeError(`backbone.dilations ${dilations} should be a whole number above 0 for each stage`);
  if (deformableStages.some((stage) => (dilations[stage - 1] ?? 1) > 1))
    throw new RangeError('backbone.dilations: a stage of deformableStages cannot be dilated');
  if (deep && channels % 2 !== 0)
    throw new RangeError(`backbone.stem.channels ${channels} cannot be halved, as a deep stem asks`);
  if (block === 'basic' && (groups !== 1 || widthPerGroup !== 64))
    throw new RangeError(
      `backbone.groups ${groups} and widthPerGroup ${widthPerGroup} are for the block 'bottleneck', not for 'basic'`,
    );
  if (block === 'basic' && deformableStages.length > 0)
    throw new RangeError(
      `backbone.deformableStages ${deformableStages} are for the block 'bottleneck', not for 'basic'`,
    );
  for (const stage of deformableStages)
    if (!(stage >= 1 && stage <= blocks.length))
      throw new RangeError(`backbone.deformableStages: ${stage} is not one of its ${blocks.length} stages`);
  if (blocks.length !== widths.length)
    throw new RangeError(`backbone.blocks has ${blocks.length} stages but backbone.widths has ${widths.length}`);
  for (const level of levels)
    if (!Number.isInteger(level) || level < 2 || level > widths.length + 1)
      throw new RangeError(
        `backbone.levels: ${level} is not one of 2 to ${widths.length + 1}, the levels of its stages`,
      );
}
