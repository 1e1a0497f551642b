/**
 * What looks at the maps and gives each position its classes: mmsegmentation's PSPHead (Zhao et al.,
 * arXiv 1612.01105), ASPPHead (DeepLabV3, Chen et al., arXiv 1706.05587) and FCNHead. The first two
 * widen the map by what they see around each position, then all end alike:
 *
 *   convolution 3x3, norm, ReLU -> dropout of channels -> convolution 1x1 to the classes
 */
import { conv, createConv, type Norm } from '../backbone/layers';
import type { Parameters } from '../core/parameters';
import type { Random } from '../core/random';
import { averagePoolTo, interpolate } from '../kernels/resize';
import { tf, type Tensor4D } from '../tf';
import { convModule, createModule, type ModuleRun } from './conv-module';
import { dropChannels, type Drawn } from './dropout';

/** Context by means over parts of the picture: 1 x 1 of them, 2 x 2, ... */
export interface PspConfig {
  kind: 'psp';
  channels: number;
  /** Parts in a row and in a column. The published ones: 1, 2, 3, 6. */
  scales: readonly number[];
}

/** Context by 3x3 convolutions with their taps apart, 1 standing for one of 1x1, and the whole picture's mean. */
export interface AsppConfig {
  kind: 'aspp';
  channels: number;
  /** The published ones at a stride of 8: 1, 12, 24, 36. */
  dilations: readonly number[];
}

/** No context beyond one 3x3 convolution. */
export interface FcnConfig {
  kind: 'fcn';
  channels: number;
}

export type HeadConfig = PspConfig | AsppConfig | FcnConfig;

/** What a head needs beside its config. */
export interface HeadSetting {
  /** `decode_head` or `auxiliary_head`. */
  name: string;
  config: HeadConfig;
  norm: Norm;
  alignCorners: boolean;
  /** Share of the channels that are left out in training. */
  dropout: number;
}

/** Deviation that the classes' filters start with. */
const DEVIATION = 0.01;

/** The layer that all end with before the classes, as their files name it. */
const lastModule = ({ name, config }: HeadSetting): string =>
  config.kind === 'fcn' ? `${name}.convs.0` : `${name}.bottleneck`;

const pspModule = (name: string, i: number): string => `${name}.psp_modules.${i}.1`;
const asppModule = (name: string, i: number): string => `${name}.aspp_modules.${i}`;
const wholeModule = (name: string): string => `${name}.image_pool.1`;

export function createHead(
  parameters: Parameters,
  setting: HeadSetting,
  { inputs, classes }: { inputs: number; classes: number },
  random: Random,
): void {
  const { name, config, norm } = setting;
  const { channels } = config;
  const module = (layer: string, kernel: 1 | 3, from: number): void =>
    createModule(parameters, layer, { kernel, inputs: from, outputs: channels, norm }, random);
  let wide = inputs;
  if (config.kind === 'psp') {
    config.scales.forEach((_, i) => module(pspModule(name, i), 1, inputs));
    wide = inputs + config.scales.length * channels;
  } else if (config.kind === 'aspp') {
    module(wholeModule(name), 1, inputs);
    config.dilations.forEach((dilation, i) => module(asppModule(name, i), dilation === 1 ? 1 : 3, inputs));
    wide = (config.dilations.length + 1) * channels;
  }
  module(lastModule(setting), 3, wide);
  const shape = { kernel: 1, inputs: channels, outputs: classes, init: DEVIATION, bias: 0 } as const;
  createConv(parameters, `${name}.conv_seg`, shape, random);
}

/**
 * [N, H, W, inputs] -> logits [N, H, W, classes]
 * @param drawn decides the dropout; needed in training where there is any
 */
export function headLogits(
  parameters: Parameters,
  setting: HeadSetting,
  x: Tensor4D,
  { training, drawn }: { training: boolean; drawn?: Drawn },
): Tensor4D {
  const { name, norm, dropout } = setting;
  return tf.tidy(() => {
    const seen = convModule(parameters, lastModule(setting), widened(parameters, setting, x, training), {
      norm,
      training,
    });
    if (!training || dropout === 0) return conv(parameters, `${name}.conv_seg`, seen);
    if (!drawn) throw new Error(`${name}: dropout ${dropout} in training needs a seed and the ids of the pictures`);
    const kept = dropChannels(seen, dropout, { ...drawn, seed: `${drawn.seed}/${name}` });
    return conv(parameters, `${name}.conv_seg`, kept);
  });
}

/** The map, or what it sees around each position beside it. */
function widened(parameters: Parameters, setting: HeadSetting, x: Tensor4D, training: boolean): Tensor4D {
  const { name, config, norm, alignCorners } = setting;
  if (config.kind === 'fcn') return x;
  const [, h, w] = x.shape;
  const run: ModuleRun = { norm, training };
  const pooled = (layer: string, parts: number): Tensor4D =>
    interpolate(convModule(parameters, layer, averagePoolTo(x, [parts, parts]), run), [h, w], { alignCorners });
  if (config.kind === 'psp')
    return tf.concat([x, ...config.scales.map((parts, i) => pooled(pspModule(name, i), parts))], 3) as Tensor4D;
  const around = config.dilations.map((dilation, i) =>
    convModule(parameters, asppModule(name, i), x, { ...run, dilation }),
  );
  return tf.concat([pooled(wholeModule(name), 1), ...around], 3) as Tensor4D;
}
