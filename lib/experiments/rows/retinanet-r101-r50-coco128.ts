/**
 * Row:       RetinaNet R50 <- RetinaNet R101 on 128 + 128 pictures of COCO at an eighth of the sides'
 *            length, with weights from a seed: the path of retinanet-r101-r50-coco from import to
 *            evaluation, in minutes on a CPU
 * Expected:  an AP of 0. Nothing here has learned to detect; what it shows is that losses fall and
 *            that a stopped run goes on exactly (data/results/coco128).
 * Cost:      a few minutes on two cores
 * Command:   npm run reproduce -- --experiment retinanet-r101-r50-coco128 --data FOLDER --profile released
 */
import type { Experiment } from '../experiment';
import { promptsOf } from '../prompts';
import { retinanetR101R50Coco as coco } from './retinanet-r101-r50-coco';

export const retinanetR101R50Coco128: Experiment = {
  ...coco,
  name: 'retinanet-r101-r50-coco128',
  title: 'coco128 (128 pictures of COCO), R101 to R50 from random weights, not published ones',
  data: {
    folder: 'data/coco128',
    remedy: "put the pictures of lightly-ai/coco128_yolo there in COCO's layout, boxes in pixels",
  },
  size: { longSide: 167, shortSide: 100 },
  teacher: { ...coco.teacher, checkpoint: 'seeded-retinanet-r101', names: 'mmdet-retinanet', AP: 0 },
  student: {
    ...coco.student,
    backbone: { checkpoint: 'seeded-resnet50', names: 'torchvision-resnet' },
    steps: 36,
    milestones: [24, 33],
    batch: 4,
    learningRate: 0.02,
    warmupSteps: 6,
  },
  prompt: promptsOf(20),
};
