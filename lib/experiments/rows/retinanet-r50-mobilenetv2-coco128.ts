/**
 * Row:       RetinaNet MobileNetV2 <- RetinaNet R50 on coco128 with weights from a seed, as retinanet-r101-r50-coco128
 * Expected:  an AP of 0: nothing here has learned to detect, but losses fall
 *            (profile released: data/results/coco128)
 * Cost:      two minutes on one core
 * Command:   npm run reproduce -- --experiment retinanet-r50-mobilenetv2-coco128 --data FOLDER
 */
import { retinaNetMobileNetV2, retinaNetR50 } from '../../detection/retinanet/presets';
import type { Experiment } from '../experiment';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';

export const retinanetR50MobileNetV2Coco128: Experiment = {
  ...retinanetR101R50Coco128,
  name: 'retinanet-r50-mobilenetv2-coco128',
  title: 'coco128 (128 pictures of COCO), R50 to MobileNetV2 from random weights, not published ones',
  teacher: { model: retinaNetR50, checkpoint: 'seeded-retinanet-r50', names: 'mmdet-retinanet', AP: 0 },
  student: {
    ...retinanetR101R50Coco128.student,
    model: retinaNetMobileNetV2,
    backbone: { checkpoint: 'seeded-mobilenetv2', names: 'torchvision-mobilenetv2' },
  },
};
