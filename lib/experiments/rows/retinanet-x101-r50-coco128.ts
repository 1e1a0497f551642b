/**
 * Row:       RetinaNet R50 <- RetinaNet X101-64x4d on coco128 with weights from a seed, as retinanet-r101-r50-coco128
 * Expected:  an AP of 0: nothing here has learned to detect, but losses fall
 *            (profile released: data/results/coco128)
 * Cost:      four minutes on one core
 * Command:   npm run reproduce -- --experiment retinanet-x101-r50-coco128 --data FOLDER
 */
import type { Experiment } from '../experiment';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';
import { retinanetX101R50Coco } from './retinanet-x101-r50-coco';

export const retinanetX101R50Coco128: Experiment = {
  ...retinanetR101R50Coco128,
  name: 'retinanet-x101-r50-coco128',
  title: 'coco128 (128 pictures of COCO), X101-64x4d to R50 from random weights, not published ones',
  teacher: { ...retinanetX101R50Coco.teacher, checkpoint: 'seeded-retinanet-x101', names: 'mmdet-retinanet', AP: 0 },
  inherit: true,
};
