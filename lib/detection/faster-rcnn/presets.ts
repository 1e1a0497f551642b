/**
 * Faster R-CNN as config objects: the published ones (80 COCO classes) and small ones for 128 x 128
 * emoji scenes.
 */
import { resnet101, resnet50, smallBackbone, type OnResNet } from '../../backbone/resnet';
import type { FasterRcnnConfig } from './network';

const proposals = { iouThreshold: 0.7, maximum: 1000 };
const levels = [2, 3, 4, 5];

/** mmdet's `faster_rcnn_r50_fpn`. */
const published = {
  kind: 'faster-rcnn',
  classes: 80,
  neck: { channels: 256, extraLevels: 1, addExtraConvs: 'none' },
  anchors: { baseScale: 8, scalesPerOctave: 1, ratios: [0.5, 1, 2] },
  rpn: {
    channels: 256,
    assign: { positive: 0.7, negative: 0.3, least: 0.3 },
    sample: { count: 256, share: 0.5 },
  },
  proposals: { training: { ...proposals, perLevel: 2000 }, test: { ...proposals, perLevel: 1000 } },
  regions: { positive: 0.5, sample: { count: 512, share: 0.25 } },
  head: { channels: 1024, bins: 7, finestScale: 56, levels: 4, classAgnostic: false, deviations: [0.1, 0.2] },
} as const;
export const fasterRcnnR50: OnResNet<FasterRcnnConfig> = { ...published, backbone: { ...resnet50, levels } };
/** The student of a Cascade R-CNN, whose heads share their deltas among all classes. */
export const fasterRcnnR50ClassAgnostic: OnResNet<FasterRcnnConfig> = {
  ...fasterRcnnR50,
  head: { ...published.head, classAgnostic: true },
};
/**
 * torchvision's `fasterrcnn_resnet50_fpn` for its weights COCO_V1: norms without an epsilon, anchors
 * in whole pixels, regions cut as RoIAlign was first published, with two samples of a bin along
 * either axis. A class here is COCO's category id less one: the background, 0 there, is last.
 */
export const torchvisionFasterRcnnR50: OnResNet<FasterRcnnConfig> = {
  ...fasterRcnnR50,
  classes: 90,
  backbone: { ...fasterRcnnR50.backbone, epsilon: 0 },
  anchors: { ...published.anchors, wholePixels: true },
  head: { ...published.head, samples: 2, aligned: false },
};
export const fasterRcnnR101: OnResNet<FasterRcnnConfig> = { ...published, backbone: { ...resnet101, levels } };

/** P3-P5 of 64 channels; objects of 18 to 72 pixels are met by square anchors of 24, 48 and 96. */
const small = {
  kind: 'faster-rcnn',
  classes: 12,
  neck: { channels: 64, extraLevels: 0 },
  anchors: { baseScale: 3, scalesPerOctave: 1, ratios: [1] },
  rpn: { channels: 64, assign: published.rpn.assign, sample: { count: 64, share: 0.5 } },
  proposals: {
    training: { perLevel: 200, iouThreshold: 0.7, maximum: 100 },
    test: { perLevel: 200, iouThreshold: 0.7, maximum: 100 },
  },
  regions: { positive: 0.5, sample: { count: 64, share: 0.25 } },
  head: { channels: 128, bins: 7, finestScale: 28, levels: 3, classAgnostic: false, deviations: [0.1, 0.2] },
} as const;
export const smallFasterRcnnTeacher: OnResNet<FasterRcnnConfig> = {
  ...small,
  backbone: smallBackbone([32, 64, 128, 256], 2),
};
export const smallFasterRcnnStudent: OnResNet<FasterRcnnConfig> = {
  ...small,
  backbone: smallBackbone([16, 32, 64, 128], 1),
};
