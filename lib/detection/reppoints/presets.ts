/**
 * RepPoints as config objects: the published ones (80 COCO classes) and small ones for 128 x 128
 * emoji scenes.
 */
import { resneXt101Deformable, resnet50, smallBackbone, type OnResNet } from '../../backbone/resnet';
import type { RepPointsConfig } from './network';

const training = {
  kind: 'reppoints',
  assign: { scale: 4, positive: 0.5, negative: 0.4 },
  loss: { focal: { alpha: 0.25, gamma: 2 }, box: { beta: 0.11, initial: 0.5, refined: 1 } },
} as const;

/** mmdet's `reppoints_moment_r50_fpn_gn-neck+head`. */
const published = {
  ...training,
  classes: 80,
  neck: { channels: 256, extraLevels: 2, norm: { groups: 32 } },
  head: { convs: 3, channels: 256, norm: { groups: 32 } },
} as const;
export const repPointsR50: OnResNet<RepPointsConfig> = { ...published, backbone: resnet50 };
/** mmdet's `reppoints_moment_x101_fpn_dconv_c3-c5_gn-neck+head`: ResNeXt-101 32x4d, deformable. */
export const repPointsX101Deformable: OnResNet<RepPointsConfig> = { ...published, backbone: resneXt101Deformable };

/** P3-P5 of 64 channels; objects of 18 to 72 pixels, of 32 on P4 and of 64 on P5. */
const small = {
  ...training,
  classes: 12,
  neck: { channels: 64, extraLevels: 0, norm: { groups: 16 } },
  head: { convs: 2, channels: 64, norm: { groups: 16 } },
  assign: { ...training.assign, scale: 2 },
} as const;
/** 3.2 M parameters. */
export const smallRepPointsTeacher: OnResNet<RepPointsConfig> = {
  ...small,
  backbone: smallBackbone([32, 64, 128, 256], 2),
};
/** 0.7 M parameters. */
export const smallRepPointsStudent: OnResNet<RepPointsConfig> = {
  ...small,
  backbone: smallBackbone([16, 32, 64, 128], 1),
};
