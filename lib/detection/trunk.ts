/** What stands below every head: backbone and feature pyramid. */
import { tf, type Tensor4D } from '../tf';
import type { Parameters } from '../core/parameters';
import type { Random } from '../core/random';
import { backbone, backboneChannels, checkImages, createBackbone } from '../backbone/backbone';
import type { NetworkConfig } from './detector';
import { createFpn, fpn } from './fpn';

/** Registers all parameters under `backbone.` and `neck.`. */
export function createTrunk(parameters: Parameters, config: NetworkConfig, random: Random): void {
  createBackbone(parameters, config.backbone, random);
  createFpn(parameters, config.neck, backboneChannels(config.backbone), random);
}

/** `Detector.pyramid`: images [N, H, W, 3] -> the levels of the pyramid, finest first. */
export function trunk(parameters: Parameters, config: NetworkConfig, images: Tensor4D, training: boolean): Tensor4D[] {
  checkImages(images);
  return tf.tidy(() => fpn(parameters, config.neck, backbone(parameters, config.backbone, images, training)));
}
