/**
 * Row:       FCOS R50 <- FCOS R101 on coco128 with weights from a seed, as retinanet-r101-r50-coco128
 * Expected:  an AP of 0: nothing here has learned to detect, but the loss falls, from 9.9 to 4.3
 *            (means of the first and last six steps, profile paper): that of the features and the
 *            centerness. Profile released is recorded in data/results/coco128.
 *            Boxes stay at a loss of 1, for from these weights they begin with next to no area.
 * Cost:      three minutes on one core
 * Command:   npm run reproduce -- --experiment fcos-r101-r50-coco128 --data FOLDER
 */
import { fcosR101 } from '../../detection/fcos/presets';
import type { Experiment } from '../experiment';
import { fcosR101R50Coco as coco } from './fcos-r101-r50-coco';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';

export const fcosR101R50Coco128: Experiment = {
  ...retinanetR101R50Coco128,
  name: 'fcos-r101-r50-coco128',
  title: 'coco128 (128 pictures of COCO), FCOS R101 to R50 from random weights, not published ones',
  augmentation: { sizes: [80, 100].map((shortSide) => ({ longSide: 167, shortSide })) },
  teacher: { model: fcosR101, checkpoint: 'seeded-fcos-r101', names: 'mmdet-fcos', AP: 0 },
  student: {
    ...retinanetR101R50Coco128.student,
    model: coco.student.model,
    backbone: { checkpoint: 'seeded-resnet50-caffe', names: 'torchvision-resnet' },
    learningRate: 0.01,
    warmupRatio: 1 / 3,
    optimizer: coco.student.optimizer,
  },
  inherit: true,
  weights: coco.weights,
};
