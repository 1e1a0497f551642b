/**
 * Paper:     FreeKD (Zhang et al., CVPR 2024, arXiv 2311.12079), table of detectors on COCO
 * Row:       Faster R-CNN R50 <- Cascade Mask R-CNN X101-64x4d, 2x schedule
 * Expected:  student alone 38.4, teacher 45.6, FreeKD 42.4 AP on val2017
 * Cost:      24 epochs of 118,000 pictures at 1333x800. Not run by this project yet, so no time is known.
 * Command:   npm run data -- coco
 *            npm run data -- weights cascade-mask-rcnn-x101-64x4d-20e
 *            npm run data -- weights resnet50-imagenet
 *              npm run reproduce -- --experiment faster-rcnn-cascade-x101-r50-coco                      profile `paper`
 *              npm run reproduce -- --experiment faster-rcnn-cascade-x101-r50-coco --profile released
 *              npm run reproduce -- --experiment faster-rcnn-cascade-x101-r50-coco --variants student   student alone
 *            with --batch N where 16 pictures a step do not fit, and --resume after every stop.
 *
 * The student's deltas are shared by all classes, as the teacher's are; the published 38.4 is of the
 * class-specific network, so the honest baseline is this row's own student alone. Distilled students
 * start with the teacher's neck, not with its RPN or a head: so does the authors' config, whose
 * weights these are (frequency loss 1, feature MSE 2, smooth L1 of 1 between the student's deltas and
 * those of the teacher's first head on the regions that the student has drawn, clipping at 35).
 *
 * The checkpoint's mask heads are read over. Stage 1 tunes the prompt with the losses of the
 * teacher's RPN and of its three box heads; MasKD, whose recipe it is, has those of its mask heads
 * too, and for this teacher alone a decay of 0.1, which is taken. The paper prints no mu, and the one
 * here was never tried on COCO.
 */
import { cascadeRcnnX101 } from '../../detection/cascade-rcnn/presets';
import { fasterRcnnR50ClassAgnostic } from '../../detection/faster-rcnn/presets';
import type { Experiment } from '../experiment';
import { twoStagePeers } from '../peers';
import { promptsOf } from '../prompts';
import { fasterRcnnR101R50Coco } from './faster-rcnn-r101-r50-coco';

/** Of the tokens in stage 1. */
export const PROMPT_DECAY = 0.1;

export const fasterRcnnCascadeX101R50Coco: Experiment = {
  ...fasterRcnnR101R50Coco,
  name: 'faster-rcnn-cascade-x101-r50-coco',
  title: 'COCO 2017, Cascade Mask R-CNN X101-64x4d to Faster R-CNN R50',
  teacher: {
    model: cascadeRcnnX101,
    checkpoint: 'cascade-mask-rcnn-x101-64x4d-20e',
    names: 'mmdet-cascade-rcnn',
    AP: 45.6,
  },
  student: { ...fasterRcnnR101R50Coco.student, model: fasterRcnnR50ClassAgnostic, clip: 35 },
  inherit: 'neck',
  prompt: promptsOf(undefined, PROMPT_DECAY),
  weights: {
    mse: 2,
    mu: 10,
    released: { frequency: 1, mse: 2, regression: 1 },
    ...twoStagePeers,
    cwd: { weight: 1 },
    maskd: { weight: 1, refineAfter: 5000 },
  },
};
