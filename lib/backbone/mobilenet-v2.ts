/**
 * MobileNetV2 (Sandler et al., arXiv 1801.04381). A block widens its input with a 1x1 convolution,
 * filters each channel by itself, and projects to few channels without an activation; where input
 * and output agree it adds the input. Activations are min(max(x, 0), 6). Parameters bear mmdet's
 * names. The 1x1 convolution to 1280 channels that ImageNet's classifier reads is no part of it.
 */
import { tf, type Tensor4D } from '../tf';
import type { Parameters } from '../core/parameters';
import type { Random } from '../core/random';
import { relu6 } from '../kernels/activation';
import { convNorm, type ConvOptions, createConv, createNorm, normName } from './layers';
import type { ResNetConfig } from './resnet';

export interface MobileNetV2Config extends Pick<ResNetConfig, 'norm' | 'epsilon' | 'frozenStages' | 'levels'> {
  kind: 'mobilenetv2';
  /** What every number of channels is multiplied with before it is rounded to eights. Default 1. */
  width?: number;
}

/** As mmdet has it by default: everything trains, norms by the batch's statistics. */
export const mobileNetV2: MobileNetV2Config = {
  kind: 'mobilenetv2',
  norm: 'batch',
  frozenStages: -1,
  levels: [3, 4, 5],
};

/** The paper's table 2: what each stage consists of. */
const STAGES = [
  { expansion: 1, channels: 16, blocks: 1, stride: 1 },
  { expansion: 6, channels: 24, blocks: 2, stride: 2 },
  { expansion: 6, channels: 32, blocks: 3, stride: 2 },
  { expansion: 6, channels: 64, blocks: 4, stride: 2 },
  { expansion: 6, channels: 96, blocks: 3, stride: 1 },
  { expansion: 6, channels: 160, blocks: 3, stride: 2 },
  { expansion: 6, channels: 320, blocks: 1, stride: 1 },
] as const;
/** Channels of the first convolution. */
const STEM = 32;

/** Which stage is the last of stride 2^level, counted from 1. */
const LAST_STAGE: Record<number, number> = { 2: 2, 3: 3, 4: 5, 5: 7 };
/** The stages, counted from 1, whose last maps are returned. */
export const lastStages = ({ levels }: MobileNetV2Config): number[] => levels.map((level) => LAST_STAGE[level]);

export interface Layer extends Pick<ConvOptions, 'stride' | 'inputGradient'> {
  name: string;
  kernel: 1 | 3;
  inputs: number;
  outputs: number;
  groups?: number;
  activate: boolean;
}

export interface Block {
  /** 1 for `layer1`; 0 for the first convolution, which is a block of its own here. */
  stage: number;
  layers: Layer[];
  /** Whether the input is added to the output. */
  residual: boolean;
}

/** See `backboneChannels`. */
export function mobileNetV2Channels(config: MobileNetV2Config): number[] {
  return lastStages(config).map((stage) => scaled(STAGES[stage - 1].channels, config));
}

/** See `createBackbone`. */
export function createMobileNetV2(parameters: Parameters, config: MobileNetV2Config, random: Random): void {
  const { norm, frozenStages, levels } = config;
  for (const level of levels)
    if (!(level in LAST_STAGE))
      throw new RangeError(`backbone.levels: ${level} is not one of 2 to 5, the levels of its stages`);
  for (const { stage, layers } of blocksOf(config))
    for (const { name, kernel, inputs, outputs, groups } of layers) {
      createConv(parameters, `${name}.conv`, { kernel, inputs, outputs, groups, init: 'kaiming' }, random);
      createNorm(parameters, `${name}.${normName(norm)}`, outputs, norm);
      if (stage <= frozenStages) parameters.freeze(`${name}.`);
    }
}

/** See `backbone`. */
export function mobileNetV2Maps(
  parameters: Parameters,
  config: MobileNetV2Config,
  images: Tensor4D,
  training: boolean,
): Tensor4D[] {
  const { norm, epsilon, frozenStages } = config;
  const run = (x: Tensor4D, { name, activate, stride, groups, inputGradient }: Layer, stage: number): Tensor4D => {
    const names = { conv: `${name}.conv`, norm: `${name}.${normName(norm)}` };
    const options = { stride, groups, inputGradient, norm, epsilon, training: training && stage > frozenStages };
    const y = convNorm(parameters, names, x, { ...options, activate: false });
    return activate ? relu6(y) : y;
  };
  const blocks = blocksOf(config);
  const maps = new Map<number, Tensor4D>();
  let x = images;
  for (const [i, { stage, layers, residual }] of blocks.entries()) {
    const y = tf.tidy(() => {
      const projected = layers.reduce((map, layer) => run(map, layer, stage), x);
      return residual ? tf.add<Tensor4D>(projected, x) : projected;
    });
    if (x !== images && ![...maps.values()].includes(x)) x.dispose();
    if (blocks[i + 1]?.stage !== stage && lastStages(config).includes(stage)) maps.set(stage, y);
    x = y;
  }
  if (![...maps.values()].includes(x)) x.dispose();
  return lastStages(config).map((stage) => maps.get(stage)!);
}

/** The first convolution, then the blocks of all stages. */
export function blocksOf(config: MobileNetV2Config): Block[] {
  let inputs = scaled(STEM, config);
  const stem: Layer = {
    name: 'backbone.conv1',
    kernel: 3,
    inputs: 3,
    outputs: inputs,
    stride: 2,
    inputGradient: false,
    activate: true,
  };
  const blocks: Block[] = [{ stage: 0, layers: [stem], residual: false }];
  for (const [s, { expansion, channels, blocks: count, stride: first }] of STAGES.entries())
    for (let i = 0; i < count; i++) {
      const name = `backbone.layer${s + 1}.${i}`;
      const [stride, hidden, outputs] = [i === 0 ? first : 1, expansion * inputs, scaled(channels, config)];
      const widened = { name: `${name}.expand_conv`, kernel: 1, inputs, outputs: hidden, activate: true } as const;
      const filtered = { inputs: hidden, outputs: hidden, groups: hidden, stride, activate: true } as const;
      const projected = { inputs: hidden, outputs, activate: false } as const;
      const layers: Layer[] = [
        ...(expansion > 1 ? [widened] : []),
        { name: `${name}.depthwise_conv`, kernel: 3, ...filtered },
        { name: `${name}.linear_conv`, kernel: 1, ...projected },
      ];
      blocks.push({ stage: s + 1, layers, residual: stride === 1 && inputs === outputs });
      inputs = outputs;
    }
  return blocks;
}

/** `channels` times the width, as a multiple of 8 that is not below nine tenths of it. */
function scaled(channels: number, { width = 1 }: MobileNetV2Config): number {
  const wanted = channels * width;
  const rounded = Math.max(8, 8 * Math.floor((wanted + 4) / 8));
  return rounded < 0.9 * wanted ? rounded + 8 : rounded;
}
