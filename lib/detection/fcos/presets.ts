/**
 * FCOS as config objects: the published ones (80 COCO classes) and small ones for 128 x 128 emoji
 * scenes.
 */
import { resneXt101, resnet101, resnet50, smallBackbone } from '../../backbone/resnet';
import type { OnResNet, ResNetConfig } from '../../backbone/resnet';
import type { FcosConfig } from './network';

/** A backbone of caffe's, which was trained on its pixels: B, G, R. */
const inCaffe = (backbone: ResNetConfig): OnResNet<Pick<FcosConfig, 'input'>> => ({
  input: { order: 'bgr', mean: [102.9801, 115.9465, 122.7717], std: [1, 1, 1] },
  backbone: { ...backbone, style: 'caffe', norm: 'constant' },
});
const focal = { alpha: 0.25, gamma: 2 };

/** mmdet's `fcos_..._fpn_gn-head`. */
const published = {
  kind: 'fcos',
  classes: 80,
  neck: { channels: 256, extraLevels: 2, addExtraConvs: 'on_output', reluBeforeExtraConvs: true },
  head: {
    convs: 4,
    channels: 256,
    norm: { groups: 32 },
    convBias: false,
    centernessOn: 'classification',
    distance: 'exp',
  },
  assign: {
    ranges: [
      [-1, 64],
      [64, 128],
      [128, 256],
      [256, 512],
      [512, 1e8],
    ],
    centerRadius: 0,
  },
  loss: { focal, box: 'iou' },
  nms: 0.5,
} as const;
export const fcosR50: OnResNet<FcosConfig> = { ...published, ...inCaffe(resnet50) };
export const fcosR101: OnResNet<FcosConfig> = { ...published, ...inCaffe(resnet101) };
/** Its backbone is PyTorch's: ImageNet's pixels, norms that learn. */
export const fcosX101: OnResNet<FcosConfig> = { ...published, backbone: resneXt101 };
/**
 * The student of the authors' FCOS row: FCOS-R50 with center sampling, distances in strides,
 * generalised IoU and a convolution's bias beside its norm.
 */
export const fcosR50Tricked: OnResNet<FcosConfig> = {
  ...fcosR50,
  head: { ...published.head, convBias: true, distance: 'stride' },
  assign: { ...published.assign, centerRadius: 1.5 },
  loss: { focal, box: 'giou' },
  nms: 0.6,
};

/**
 * torchvision's `fcos_resnet50_fpn`, which counts classes by COCO's category ids, 0 for none. Its
 * scores are the roots of ours.
 */
export const torchvisionFcosR50: OnResNet<FcosConfig> = {
  kind: 'fcos',
  classes: 91,
  backbone: resnet50,
  neck: published.neck,
  head: { ...published.head, convBias: true, centernessOn: 'regression', distance: 'stride', scales: false },
  points: 'corner',
  assign: { ...published.assign, centerRadius: 1.5 },
  loss: { focal, box: 'giou' },
  nms: 0.6,
};

/** P3-P5 of 64 channels; the farthest side of an object of 18 to 72 pixels is 9 to 72 pixels away. */
const small = {
  kind: 'fcos',
  classes: 12,
  neck: { channels: 64, extraLevels: 0 },
  head: {
    convs: 2,
    channels: 64,
    norm: { groups: 16 },
    convBias: false,
    centernessOn: 'regression',
    distance: 'stride',
  },
  assign: {
    ranges: [
      [-1, 24],
      [24, 44],
      [44, 1e8],
    ],
    centerRadius: 1.5,
  },
  loss: { focal, box: 'giou' },
  nms: 0.6,
} as const;
/** 3.1 M parameters. */
export const smallFcosTeacher: OnResNet<FcosConfig> = { ...small, backbone: smallBackbone([32, 64, 128, 256], 2) };
/** 0.6 M parameters. */
export const smallFcosStudent: OnResNet<FcosConfig> = { ...small, backbone: smallBackbone([16, 32, 64, 128], 1) };
