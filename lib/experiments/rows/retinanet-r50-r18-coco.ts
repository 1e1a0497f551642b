/**
 * Row:       RetinaNet R18 <- RetinaNet R50 on COCO, 2x schedule: for people without eight cards
 * Expected:  the teacher has 37.4 AP on val2017; of the student nothing is published for this pair and
 *            schedule (mmdetection's R18 has 31.7 after its 1x schedule)
 * Cost:      about a quarter of the work of retinanet-r101-r50-coco a step. Not run by this project
 *            yet, so no time is known.
 * Command:   npm run data -- coco
 *            npm run data -- weights retinanet-r50-2x
 *            npm run data -- weights resnet18-imagenet
 *              npm run reproduce -- --experiment retinanet-r50-r18-coco
 *            with --batch N where 16 pictures a step do not fit, and --resume after every stop.
 *
 * No row of the paper: data, schedule and weights are those of retinanet-r101-r50-coco.
 */
import { retinaNetR18, retinaNetR50 } from '../../detection/retinanet/presets';
import type { Experiment } from '../experiment';
import { retinanetR101R50Coco } from './retinanet-r101-r50-coco';

export const retinanetR50R18Coco: Experiment = {
  ...retinanetR101R50Coco,
  name: 'retinanet-r50-r18-coco',
  title: 'COCO 2017, RetinaNet R50 to R18',
  teacher: { model: retinaNetR50, checkpoint: 'retinanet-r50-2x', names: 'mmdet-retinanet', AP: 37.4 },
  student: {
    ...retinanetR101R50Coco.student,
    model: retinaNetR18,
    backbone: { checkpoint: 'resnet18-imagenet', names: 'torchvision-resnet' },
  },
};
