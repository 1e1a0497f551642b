/**
 * Row:       Faster R-CNN R50 <- Cascade R-CNN X101-64x4d on coco128 with weights from a seed, as
 *            retinanet-r101-r50-coco128
 * Expected:  an AP of 0: nothing here has learned to detect, but the loss falls, from 6.4 to 3.6
 *            (means of the first and last six steps)
 *            under profile paper; profile released is recorded in data/results/coco128
 * Cost:      five minutes on one core
 * Command:   npm run reproduce -- --experiment faster-rcnn-cascade-x101-r50-coco128 --data FOLDER
 */
import type { Experiment } from '../experiment';
import { promptsOf } from '../prompts';
import { fasterRcnnCascadeX101R50Coco as coco, PROMPT_DECAY } from './faster-rcnn-cascade-x101-r50-coco';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';

export const fasterRcnnCascadeX101R50Coco128: Experiment = {
  ...retinanetR101R50Coco128,
  name: 'faster-rcnn-cascade-x101-r50-coco128',
  title: 'coco128 (128 pictures of COCO), Cascade X101 to Faster R-CNN R50 from random weights, not published ones',
  teacher: { ...coco.teacher, checkpoint: 'seeded-cascade-x101', names: 'mmdet-cascade-rcnn', AP: 0 },
  student: { ...retinanetR101R50Coco128.student, model: coco.student.model },
  inherit: coco.inherit,
  prompt: promptsOf(20, PROMPT_DECAY),
  weights: coco.weights,
};
