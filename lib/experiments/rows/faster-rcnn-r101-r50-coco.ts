/**
 * Paper:     FreeKD (Zhang et al., CVPR 2024, arXiv 2311.12079), table of detectors on COCO
 * Row:       Faster R-CNN R50 <- Faster R-CNN R101, 2x schedule
 * Expected:  student alone 38.4, teacher 39.8, FreeKD 40.8 AP on val2017
 * Cost:      24 epochs of 118,000 pictures at 1333x800. Not run by this project yet, so no time is known.
 * Command:   npm run data -- coco
 *            npm run data -- weights faster-rcnn-r101-2x
 *            npm run data -- weights resnet50-imagenet
 *              npm run reproduce -- --experiment faster-rcnn-r101-r50-coco                      profile `paper`
 *              npm run reproduce -- --experiment faster-rcnn-r101-r50-coco --profile released
 *              npm run reproduce -- --experiment faster-rcnn-r101-r50-coco --variants student   student alone
 *            with --batch N where 16 pictures a step do not fit, and --resume after every stop.
 *
 * Weights are those of the authors' config: frequency loss 0.8, feature MSE 1, smooth L1 of 1 on the
 * box deltas of the regions that the student has drawn, no clipping, warm-up of 500 steps. Their
 * config also names the teacher's weights for the student's heads, but under prefixes that match no
 * tensor: nothing is inherited there, and the heads keep PyTorch's default start. Here nothing is
 * inherited either, and the heads start as mmdetection's. MasKD's readers report 40.8 AP so, and
 * 41.0 with what is really inherited. The paper prints no mu, and the one here was never tried on
 * COCO.
 */
import { fasterRcnnR101, fasterRcnnR50 } from '../../detection/faster-rcnn/presets';
import type { Experiment } from '../experiment';
import { twoStagePeers } from '../peers';
import { retinanetR101R50Coco } from './retinanet-r101-r50-coco';

export const fasterRcnnR101R50Coco: Experiment = {
  ...retinanetR101R50Coco,
  name: 'faster-rcnn-r101-r50-coco',
  title: 'COCO 2017, Faster R-CNN R101 to R50',
  teacher: { model: fasterRcnnR101, checkpoint: 'faster-rcnn-r101-2x', names: 'mmdet-faster-rcnn', AP: 39.8 },
  student: { ...retinanetR101R50Coco.student, model: fasterRcnnR50, warmupSteps: 500, clip: undefined },
  weights: { mse: 1, mu: 10, released: { frequency: 0.8, mse: 1, regression: 1 }, ...twoStagePeers },
};
