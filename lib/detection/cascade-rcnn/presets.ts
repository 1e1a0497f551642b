/**
 * Cascade R-CNN as config objects: the published teacher without its mask heads (80 COCO classes)
 * and small ones for 128 x 128 emoji scenes.
 */
import { fasterRcnnR50, smallFasterRcnnStudent } from '../faster-rcnn/presets';
import type { RegionConfig } from '../faster-rcnn/regions';
import { resneXt101, smallBackbone, type OnResNet } from '../../backbone/resnet';
import type { CascadeRcnnConfig, CascadeStageConfig } from './network';

/** Three stages, each of higher overlap and of finer deltas. */
const stagesOf = ({ sample }: RegionConfig): CascadeStageConfig[] => [
  { regions: { positive: 0.5, sample }, deviations: [0.1, 0.2], weight: 1 },
  { regions: { positive: 0.6, sample }, deviations: [0.05, 0.1], weight: 0.5 },
  { regions: { positive: 0.7, sample }, deviations: [0.033, 0.067], weight: 0.25 },
];

const { proposals } = fasterRcnnR50;

/** mmdet's `cascade_mask_rcnn_x101_64x4d_fpn`: its boxes. */
export const cascadeRcnnX101: OnResNet<CascadeRcnnConfig> = {
  kind: 'cascade-rcnn',
  classes: 80,
  backbone: { ...resneXt101, levels: [2, 3, 4, 5] },
  neck: fasterRcnnR50.neck,
  anchors: fasterRcnnR50.anchors,
  rpn: { ...fasterRcnnR50.rpn, allowedBorder: 0, beta: 1 / 9 },
  proposals: { ...proposals, training: { ...proposals.training, maximum: 2000 } },
  head: { channels: 1024, bins: 7, finestScale: 56, levels: 4, beta: 1 },
  stages: stagesOf(fasterRcnnR50.regions),
};

/** The small Faster R-CNN with three heads. */
const small = {
  kind: 'cascade-rcnn',
  classes: 12,
  neck: smallFasterRcnnStudent.neck,
  anchors: smallFasterRcnnStudent.anchors,
  rpn: smallFasterRcnnStudent.rpn,
  proposals: smallFasterRcnnStudent.proposals,
  head: { channels: 128, bins: 7, finestScale: 28, levels: 3, beta: 1 },
  stages: stagesOf(smallFasterRcnnStudent.regions),
} as const;
export const smallCascadeRcnnTeacher: OnResNet<CascadeRcnnConfig> = {
  ...small,
  backbone: smallBackbone([32, 64, 128, 256], 2),
};
export const smallCascadeRcnnStudent: OnResNet<CascadeRcnnConfig> = {
  ...small,
  backbone: smallBackbone([16, 32, 64, 128], 1),
};
