/**
 * RetinaNets as config objects: the published ones (80 COCO classes) and small ones for 128 x 128
 * emoji scenes.
 */
import { mobileNetV2 } from '../../backbone/mobilenet-v2';
import { resnet101, resnet18, resnet50, resneXt101, smallBackbone, type OnResNet } from '../../backbone/resnet';
import { type RetinaNetConfig } from './network';

const training = {
  assign: { positive: 0.5, negative: 0.4 },
  loss: { focal: { alpha: 0.25, gamma: 2 }, box: { beta: 0 } },
} as const;

/** mmdet's `retinanet_r50_fpn`. */
const published = {
  ...training,
  classes: 80,
  neck: { channels: 256, extraLevels: 2 },
  head: { convs: 4, channels: 256, norm: 'none' },
  anchors: { baseScale: 4, scalesPerOctave: 3, ratios: [0.5, 1, 2] },
} as const;
export const retinaNetMobileNetV2: RetinaNetConfig = { ...published, backbone: mobileNetV2 };
export const retinaNetR18: OnResNet<RetinaNetConfig> = { ...published, backbone: resnet18 };
export const retinaNetR50: OnResNet<RetinaNetConfig> = { ...published, backbone: resnet50 };
export const retinaNetR101: OnResNet<RetinaNetConfig> = { ...published, backbone: resnet101 };
/** mmdet's `retinanet_x101_64x4d_fpn`. */
export const retinaNetX101: OnResNet<RetinaNetConfig> = { ...published, backbone: resneXt101 };
/**
 * torchvision's `retinanet_resnet50_fpn` for its weights COCO_V1, which count classes by COCO's
 * category ids, 0 for none. It differs from mmdet's in P6, P7, the norms' epsilon and anchors in
 * whole pixels.
 */
export const torchvisionRetinaNetR50: OnResNet<RetinaNetConfig> = {
  ...published,
  classes: 91,
  backbone: { ...resnet50, epsilon: 0 },
  neck: { ...published.neck, addExtraConvs: 'on_output', reluBeforeExtraConvs: true },
  anchors: { ...published.anchors, wholePixels: true },
};

/**
 * P3-P5 of 64 channels; objects of 18 to 72 pixels are met by square anchors of 20, 28, 40, 57, 80
 * and 113.
 */
const small = {
  ...training,
  classes: 12,
  neck: { channels: 64, extraLevels: 0 },
  head: { convs: 2, channels: 64, norm: { groups: 16 } },
  anchors: { baseScale: 2.5, scalesPerOctave: 2, ratios: [1] },
} as const;

/** 3.1 M parameters. */
export const smallTeacher: OnResNet<RetinaNetConfig> = { ...small, backbone: smallBackbone([32, 64, 128, 256], 2) };
/** 0.6 M parameters. */
export const smallStudent: OnResNet<RetinaNetConfig> = { ...small, backbone: smallBackbone([16, 32, 64, 128], 1) };
