/**
 * ResNet (He et al., arXiv 1512.03385) and ResNeXt (Xie et al., arXiv 1611.05431) backbones in the
 * form of torchvision and mmdet. Depth and widths are a config object, so the published networks
 * and small ones for training from scratch are the same code.
 */
import { tf, type Tensor4D } from '../tf';
import { addRelu } from '../kernels/activation';
import { maxPool } from '../kernels/pool';
import { type Parameters } from '../core/parameters';
import { type Random } from '../core/random';
import { convNorm, type ConvShape, createConv, createNorm, type Norm, normName } from './layers';

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
   * First convolution, of stride 2. With `pool` a 3x3 max pool follows, without it the first stage
   * has stride 2.
   */
  stem: { kernel: 3 | 7; channels: number; pool: boolean };
  norm: Exclude<Norm, 'none'>;
  /** What norms add to the variance. Default 1e-5. */
  epsilon?: number;
  /**
   * As in mmdet: -1 trains everything, 0 freezes the stem, k freezes the stem and the first k
   * stages.
   */
  frozenStages: number;
  /** Pyramid levels of the maps to return: level k has stride 2^k, so stage k - 1 makes it. */
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
}

/** See `backboneChannels`. */
export function resNetChannels(config: ResNetConfig): number[] {
  return config.levels.map((level) => config.widths[level - 2] * expansion(config));
}

/** See `createBackbone`. */
export function createResNet(parameters: Parameters, config: ResNetConfig, random: Random): void {
  check(config);
  const { stem, norm } = config;
  const convolution = (name: string, shape: Omit<ConvShape, 'init'>): void =>
    createConv(parameters, name, { ...shape, init: 'kaiming' }, random);
  convolution('backbone.conv1', { kernel: stem.kernel, inputs: 3, outputs: stem.channels });
  createNorm(parameters, `backbone.${normName(norm, 1)}`, stem.channels, norm);
  for (const block of blocksOf(config)) {
    for (const [i, { kernel, inputs, outputs, groups, deformable }] of convolutionsOf(block, config).entries()) {
      convolution(`${block.name}.conv${i + 1}`, { kernel, inputs, outputs, groups, deformable });
      createNorm(parameters, `${block.name}.${normName(norm, i + 1)}`, outputs, norm);
    }
    if (!needsProjection(block)) continue;
    convolution(`${block.name}.downsample.0`, { kernel: 1, inputs: block.inputs, outputs: block.outputs });
    createNorm(parameters, `${block.name}.downsample.1`, block.outputs, norm);
  }
  if (config.frozenStages < 0) return;
  for (const stemLayer of ['conv1', normName(norm, 1)]) parameters.freeze(`backbone.${stemLayer}.`);
  for (let stage = 1; stage <= config.frozenStages; stage++) parameters.freeze(`backbone.layer${stage}.`);
}

/** See `backbone`. */
export function resNetMaps(
  parameters: Parameters,
  config: ResNetConfig,
  images: Tensor4D,
  training: boolean,
): Tensor4D[] {
  const { frozenStages } = config;
  let x = tf.tidy(() => stem(parameters, config, images, training && frozenStages < 0));
  const blocks = blocksOf(config);
  const maps = new Map<number, Tensor4D>();
  for (const [i, block] of blocks.entries()) {
    const y = tf.tidy(() => residualBlock(parameters, config, block, x, training && block.stage > frozenStages));
    if (![...maps.values()].includes(x)) x.dispose();
    const last = blocks[i + 1]?.stage !== block.stage;
    if (last && config.levels.includes(block.stage + 1)) maps.set(block.stage + 1, y);
    x = y;
  }
  return config.levels.map((level) => maps.get(level)!);
}

function stem(parameters: Parameters, config: ResNetConfig, images: Tensor4D, training: boolean): Tensor4D {
  const { norm, epsilon } = config;
  const names = { conv: 'backbone.conv1', norm: `backbone.${normName(norm, 1)}` };
  const options = { stride: 2, inputGradient: false, norm, epsilon, training, activate: true };
  const x = convNorm(parameters, names, images, options);
  return config.stem.pool ? maxPool(x, { size: 3, stride: 2, padding: 1 }) : x;
}

function residualBlock(
  parameters: Parameters,
  config: ResNetConfig,
  block: Block,
  x: Tensor4D,
  training: boolean,
): Tensor4D {
  const { norm, epsilon } = config;
  const convolutions = convolutionsOf(block, config);
  let y = x;
  for (const [i, { stride, groups }] of convolutions.entries()) {
    const names = { conv: `${block.name}.conv${i + 1}`, norm: `${block.name}.${normName(norm, i + 1)}` };
    const activate = i < convolutions.length - 1;
    y = convNorm(parameters, names, y, { stride, groups, norm, epsilon, training, activate });
  }
  if (!needsProjection(block)) return addRelu(y, x);
  const names = { conv: `${block.name}.downsample.0`, norm: `${block.name}.downsample.1` };
  const { stride } = block;
  return addRelu(y, convNorm(parameters, names, x, { stride, norm, epsilon, training, activate: false }));
}

/** All blocks, in their order. */
export function blocksOf(config: ResNetConfig): Block[] {
  const blocks: Block[] = [];
  let inputs = config.stem.channels;
  const { groups = 1, widthPerGroup = 64 } = config;
  for (const [s, planes] of config.widths.entries()) {
    const width = Math.floor(planes * (widthPerGroup / 64)) * groups;
    const outputs = planes * expansion(config);
    for (let i = 0; i < config.blocks[s]; i++) {
      const stride = i === 0 && (s > 0 || !config.stem.pool) ? 2 : 1;
      blocks.push({ name: `backbone.layer${s + 1}.${i}`, stage: s + 1, inputs, width, outputs, stride });
      inputs = outputs;
    }
  }
  return blocks;
}

export interface Convolution extends Omit<ConvShape, 'init' | 'bias'> {
  stride: number;
}

/** The convolutions on a block's main path, in order. */
export function convolutionsOf({ stage, inputs, width, outputs, stride }: Block, config: ResNetConfig): Convolution[] {
  if (config.block === 'basic')
    return [
      { kernel: 3, inputs, outputs: width, stride },
      { kernel: 3, inputs: width, outputs, stride: 1 },
    ];
  const [first, second] = config.style === 'caffe' ? [stride, 1] : [1, stride];
  const deformable = config.deformableStages?.includes(stage);
  return [
    { kernel: 1, inputs, outputs: width, stride: first },
    { kernel: 3, inputs: width, outputs: width, stride: second, groups: config.groups, deformable },
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

function check(config: ResNetConfig): void {
  const { block, blocks, widths, levels, groups = 1, widthPerGroup = 64, deformableStages = [] } = config;
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
