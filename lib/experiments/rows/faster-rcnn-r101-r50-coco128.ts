/**
 * Row:       Faster R-CNN R50 <- Faster R-CNN R101 on coco128 with weights from a seed, as
 *            retinanet-r101-r50-coco128
 * Expected:  an AP of 0: nothing here has learned to detect, but the loss falls, from 5.3 to 2.6
 *            (means of the first and last six steps)
 *            under profile paper; profile released is recorded in data/results/coco128
 * Cost:      five minutes on one core
 * Command:   npm run reproduce -- --experiment faster-rcnn-r101-r50-coco128 --data FOLDER
 */
import type { Experiment } from '../experiment';
import { fasterRcnnR101R50Coco as coco } from './faster-rcnn-r101-r50-coco';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';

export const fasterRcnnR101R50Coco128: Experiment = {
  ...retinanetR101R50Coco128,
  name: 'faster-rcnn-r101-r50-coco128',
  title: 'coco128 (128 pictures of COCO), Faster R-CNN R101 to R50 from random weights, not published ones',
  teacher: { ...coco.teacher, checkpoint: 'seeded-faster-rcnn-r101', names: 'mmdet-faster-rcnn', AP: 0 },
  student: { ...retinanetR101R50Coco128.student, model: coco.student.model },
  weights: coco.weights,
};
