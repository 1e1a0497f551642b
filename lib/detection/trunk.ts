/** What stands below every head: backbone and feature pyramid. */
import { tf, type Tensor4D } from '../tf';
import type { Parameters } from '../core/parameters';
import type { Random } from '../core/random';
import { backbone, backboneChannels, checkImages, createBackbone } from '../backbone/backbone';
import type { NetworkConfig } from './detector';
import { createFpn, fpn } from './fpn';

/** Registers all parameters under `backbone.` and `neck.`. */
export function createTrunk(parameters: Parameters, config: NetworkConfig, random: Random): void {
  checkStrides(config);
  createBackbone(parameters, config.backbone, random);
  createFpn(parameters, config.neck, backboneChannels(config.backbone), random);
}

/** `Detector.pyramid`: images [N, H, W, 3] -> the levels of the pyramid, finest first. */
export function trunk(parameters: Parameters, config: NetworkConfig, images: Tensor4D, training: boolean): Tensor4D[] {
  checkImages(images);
  return tf.tidy(() => fpn(parameters, config.neck, backbone(parameters, config.backbone, images, training)));
}

/** The strides of a pyramid are powers of 2, and detectors are exported with a stem of one convolution. */
function checkStrides({ backbone: own }: NetworkConfig): void {
  if (own.kind === 'mobilenetv2') return;
  if (own.stem.deep || own.dilations?.some((dilation) => dilation > 1))
    throw new RangeError("backbone.dilations and a deep stem are for segmentation, not for a detector's pyramid");
}
