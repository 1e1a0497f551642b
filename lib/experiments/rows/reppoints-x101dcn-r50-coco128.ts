/**
 * Row:       RepPoints R50 <- RepPoints X101-32x4d-DCN on coco128 with weights from a seed, as
 *            retinanet-r101-r50-coco128
 * Expected:  an AP of 0: nothing here has learned to detect, but losses fall
 *            (profile released: data/results/coco128)
 * Cost:      three minutes on one core
 * Command:   npm run reproduce -- --experiment reppoints-x101dcn-r50-coco128 --data FOLDER
 */
import type { Experiment } from '../experiment';
import { reppointsX101dcnR50Coco as coco } from './reppoints-x101dcn-r50-coco';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';

export const reppointsX101dcnR50Coco128: Experiment = {
  ...retinanetR101R50Coco128,
  name: 'reppoints-x101dcn-r50-coco128',
  title: 'coco128 (128 pictures of COCO), RepPoints X101-DCN to R50 from random weights, not published ones',
  teacher: { ...coco.teacher, checkpoint: 'seeded-reppoints-x101-dcn', names: 'mmdet-reppoints', AP: 0 },
  student: {
    ...retinanetR101R50Coco128.student,
    model: coco.student.model,
    learningRate: coco.student.learningRate,
    clip: undefined,
  },
  weights: coco.weights,
};
