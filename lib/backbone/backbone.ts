/** What looks at the picture: the kinds of backbones, and what the rest asks of one. */
import type { Tensor4D } from '../tf';
import type { Parameters } from '../core/parameters';
import type { Random } from '../core/random';
import { createMobileNetV2, mobileNetV2Channels, mobileNetV2Maps, type MobileNetV2Config } from './mobilenet-v2';
import { resNetChannels, type ResNetConfig } from './resnet';
import { createResNet, resNetMaps } from './resnet-network';

/** Told apart by `kind`. */
export type BackboneConfig = ResNetConfig | MobileNetV2Config;

/** Registers all parameters under `backbone.` and freezes what `frozenStages` says. */
export function createBackbone(parameters: Parameters, config: BackboneConfig, random: Random): void {
  if (config.kind === 'mobilenetv2') createMobileNetV2(parameters, config, random);
  else createResNet(parameters, config, random);
}

/** images [N, H, W, 3] -> the maps of `config.levels`, [N, ceil(H / 2^level), ceil(W / 2^level), C]. */
export function backbone(
  parameters: Parameters,
  config: BackboneConfig,
  images: Tensor4D,
  training: boolean,
): Tensor4D[] {
  return config.kind === 'mobilenetv2'
    ? mobileNetV2Maps(parameters, config, images, training)
    : resNetMaps(parameters, config, images, training);
}

/** Channels of each returned map. */
export function backboneChannels(config: BackboneConfig): number[] {
  return config.kind === 'mobilenetv2' ? mobileNetV2Channels(config) : resNetChannels(config);
}

/** @throws RangeError unless images are [N, H, W, 3] */
export function checkImages(images: Tensor4D): void {
  if (images.rank !== 4 || images.shape[3] !== 3)
    throw new RangeError(`images must have the shape [N, H, W, 3], not [${images.shape}]`);
}
