/** PSPNet and DeepLabV3 as config objects: mmsegmentation's for Cityscapes, and small ones for emoji scenes. */
import { resnet101, resnet18, smallBackbone, type ResNetConfig } from '../backbone/resnet';
import type { SegmenterConfig } from './segmenter';

/** ResNetV1c with its last two stages dilated: a stride of 8. */
const dilated = (backbone: ResNetConfig): ResNetConfig => ({
  ...backbone,
  stem: { ...backbone.stem, deep: true },
  dilations: [1, 1, 2, 4],
  norm: 'batch',
  frozenStages: -1,
  levels: [4, 5],
});

const cityscapes = {
  kind: 'segmenter',
  classes: 19,
  dropout: 0.1,
  alignCorners: false,
  imitated: 'features',
  average: 'all',
} as const;

const scales = [1, 2, 3, 6] as const;

/** `pspnet_r18-d8`: 12.8 M parameters with the auxiliary head. */
export const pspNetR18: SegmenterConfig = {
  ...cityscapes,
  backbone: dilated(resnet18),
  head: { kind: 'psp', channels: 128, scales },
  auxiliary: { channels: 64, weight: 0.4 },
};
/** `pspnet_r101-d8`, the teacher. */
export const pspNetR101: SegmenterConfig = {
  ...cityscapes,
  backbone: dilated(resnet101),
  head: { kind: 'psp', channels: 512, scales },
  auxiliary: { channels: 256, weight: 0.4 },
};
/** `deeplabv3_r18-d8`. */
export const deepLabV3R18: SegmenterConfig = {
  ...pspNetR18,
  head: { kind: 'aspp', channels: 128, dilations: [1, 12, 24, 36] },
};

/** Of basic blocks with a stride of 8, for pictures of 128 x 128 pixels: 12 categories and background. */
const small = (widths: readonly number[], blocksPerStage: number, channels: number): SegmenterConfig => ({
  ...cityscapes,
  classes: 13,
  backbone: { ...smallBackbone(widths, blocksPerStage), dilations: [1, 1, 2, 4], levels: [4, 5] },
  head: { kind: 'psp', channels, scales },
  auxiliary: { channels: Math.ceil(channels / 2), weight: 0.4 },
});
export const smallSegmenterTeacher = small([32, 64, 128, 256], 2, 64);
export const smallSegmenterStudent = small([16, 32, 64, 128], 1, 32);
