/**
 * Row:       RetinaNet MobileNetV2 <- RetinaNet R50 on COCO, 2x schedule: a student for telephones
 * Expected:  the teacher has 37.4 AP on val2017; of the student nothing is published, neither alone nor
 *            distilled
 * Cost:      not run by this project yet, so no time is known
 * Command:   npm run data -- coco
 *            npm run data -- weights retinanet-r50-2x
 *            npm run data -- weights mobilenetv2-imagenet
 *              npm run reproduce -- --experiment retinanet-r50-mobilenetv2-coco
 *            with --batch N where 16 pictures a step do not fit, and --resume after every stop. Norms use
 *            the batch's statistics: below some eight pictures on one device, add
 *            --set student.model.backbone.norm=frozen
 *
 * No row of the paper: data, schedule and weights of the losses are those of retinanet-r101-r50-coco.
 * The authors' working configs have such a student too, for other losses than FreeKD's and under R101.
 * There its activations are leaky ReLUs, though the ImageNet weights were trained with ReLU6; here
 * they are ReLU6. C5 has the 320 channels of the last block, as there.
 */
import { retinaNetMobileNetV2 } from '../../detection/retinanet/presets';
import type { Experiment } from '../experiment';
import { retinanetR50R18Coco } from './retinanet-r50-r18-coco';

export const retinanetR50MobileNetV2Coco: Experiment = {
  ...retinanetR50R18Coco,
  name: 'retinanet-r50-mobilenetv2-coco',
  title: 'COCO 2017, RetinaNet R50 to MobileNetV2',
  student: {
    ...retinanetR50R18Coco.student,
    model: retinaNetMobileNetV2,
    backbone: { checkpoint: 'mobilenetv2-imagenet', names: 'torchvision-mobilenetv2' },
  },
};
