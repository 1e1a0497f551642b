/**
 * Row:       RetinaNet R50 <- FCOS X101-64x4d on COCO, 2x schedule: two families in one pair
 * Expected:  student alone 37.4, teacher 42.6 AP on val2017; FreeKD has no number for it. PKD's README
 *            has 40.3 after a 1x schedule, CanKD's 40.5.
 * Cost:      as retinanet-x101-r50-coco. Not run by this project yet, so no time is known.
 * Command:   npm run data -- coco
 *            npm run data -- weights fcos-x101-64x4d-2x
 *            npm run data -- weights resnet50-imagenet
 *              npm run reproduce -- --experiment retinanet-fcosx101-r50-coco
 *            with --batch N where 16 pictures a step do not fit, and --resume after every stop.
 *
 * Both read R, G, B with ImageNet's statistics and have levels of strides 8 to 128, so a level of
 * the one imitates the same level of the other; heads differ, and nothing of them is imitated or
 * inherited. Data, schedule and weights are those of retinanet-r101-r50-coco.
 */
import { fcosX101 } from '../../detection/fcos/presets';
import type { Experiment } from '../experiment';
import { retinanetR101R50Coco } from './retinanet-r101-r50-coco';

export const retinanetFcosX101R50Coco: Experiment = {
  ...retinanetR101R50Coco,
  name: 'retinanet-fcosx101-r50-coco',
  title: 'COCO 2017, FCOS X101-64x4d to RetinaNet R50',
  teacher: { model: fcosX101, checkpoint: 'fcos-x101-64x4d-2x', names: 'mmdet-fcos', AP: 42.6 },
  weights: { ...retinanetR101R50Coco.weights, released: { frequency: 1, mse: 5, regression: 0 } },
};
