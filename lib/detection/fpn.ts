/**
 * Feature pyramid network (Lin et al., arXiv 1612.03144) as mmdet builds it for RetinaNet: 1x1
 * laterals, nearest upsampling to the size of the finer map, 3x3 outputs, and extra coarse levels,
 * each a stride-2 convolution: the first of the backbone's last map, each further one of the level
 * before it.
 */
import { tf, type Tensor4D } from '../tf';
import { relu } from '../kernels/activation';
import { maxPool } from '../kernels/pool';
import { upsampleNearest } from '../kernels/upsample';
import { type Parameters } from '../core/parameters';
import { type Random } from '../core/random';
import { convNorm, createConv, createNorm, normName } from '../backbone/layers';

export interface FpnConfig {
  /** Channels of every pyramid level. */
  channels: number;
  /** Levels coarser than the backbone's last: 2 adds P6 and P7 to P3-P5. */
  extraLevels: number;
  /**
   * What the first extra level is made of: the backbone's last map ('on_input', the default) or the
   * last level ('on_output'). mmdet's `add_extra_convs`; 'none' is its default, where an extra level
   * is every second position of the one before it.
   */
  addExtraConvs?: 'on_input' | 'on_output' | 'none';
  /** Whether a ReLU stands before every extra level but the first. Default false. */
  reluBeforeExtraConvs?: boolean;
  /** Group norm after every convolution, which then has no bias. Default none. */
  norm?: { groups: number };
}

/** Registers all parameters under `neck.`; `inputs` are the channels of the backbone's maps. */
export function createFpn(parameters: Parameters, config: FpnConfig, inputs: readonly number[], random: Random): void {
  const { channels, extraLevels, addExtraConvs, norm = 'none' } = config;
  const bias = norm === 'none' ? { bias: 0 } : {};
  const convolution = (name: string, kernel: number, from: number): void => {
    const shape = { kernel, inputs: from, outputs: channels, init: 'xavier', ...bias } as const;
    createConv(parameters, `neck.${name}.conv`, shape, random);
    createNorm(parameters, `neck.${name}.${normName(norm)}`, channels, norm);
  };
  for (const [i, from] of inputs.entries()) {
    convolution(`lateral_convs.${i}`, 1, from);
    convolution(`fpn_convs.${i}`, 3, channels);
  }
  for (let i = 0; addExtraConvs !== 'none' && i < extraLevels; i++)
    convolution(
      `fpn_convs.${inputs.length + i}`,
      3,
      i === 0 && addExtraConvs !== 'on_output' ? inputs[inputs.length - 1] : channels,
    );
}

/** maps of the backbone, finest first -> pyramid levels [N, H, W, channels], finest first. */
export function fpn(parameters: Parameters, config: FpnConfig, maps: readonly Tensor4D[]): Tensor4D[] {
  const { norm = 'none' } = config;
  const layer = (name: string, x: Tensor4D, stride = 1): Tensor4D => {
    const names = { conv: `neck.${name}.conv`, norm: `neck.${name}.${normName(norm)}` };
    return convNorm(parameters, names, x, { stride, norm, training: false, activate: false });
  };
  const merged: Tensor4D[] = [];
  for (let i = maps.length - 1; i >= 0; i--)
    merged[i] = tf.tidy(() => {
      const lateral = layer(`lateral_convs.${i}`, maps[i]);
      const [, height, width] = lateral.shape;
      return i + 1 < maps.length ? tf.add(lateral, upsampleNearest(merged[i + 1], [height, width])) : lateral;
    });
  const levels = merged.map((map, i) => layer(`fpn_convs.${i}`, map));
  for (let i = 0; i < config.extraLevels; i++) {
    const last = levels[levels.length - 1];
    if (config.addExtraConvs === 'none') {
      levels.push(maxPool(last, { size: 1, stride: 2 }));
      continue;
    }
    let source = i > 0 && config.reluBeforeExtraConvs ? relu(last) : last;
    if (i === 0 && config.addExtraConvs !== 'on_output') source = maps[maps.length - 1];
    levels.push(layer(`fpn_convs.${maps.length + i}`, source, 2));
  }
  return levels;
}
