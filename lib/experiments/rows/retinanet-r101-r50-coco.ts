/**
 * Paper:     FreeKD (Zhang et al., CVPR 2024, arXiv 2311.12079), table of detectors on COCO
 * Row:       RetinaNet R50 <- RetinaNet R101, 2x schedule
 * Expected:  student alone 37.4, teacher 38.9, FreeKD 39.9 AP on val2017
 * Cost:      24 epochs of 118,000 pictures at 1333x800. Not run by this project yet, so no time is known.
 * Command:   npm run data -- coco
 *            npm run data -- weights retinanet-r101-2x
 *            npm run data -- weights resnet50-imagenet
 *              npm run reproduce -- --experiment retinanet-r101-r50-coco                      profile `paper`
 *              npm run reproduce -- --experiment retinanet-r101-r50-coco --profile released
 *                (with --prompt freekd-prompt-r101: the authors' own)
 *              npm run reproduce -- --experiment retinanet-r101-r50-coco --variants student   student alone
 *            with --batch N where 16 pictures a step do not fit, and --resume after every stop.
 *
 * Model, data and schedule are mmdetection's `retinanet_r50_fpn_2x_coco` with the
 * changes of the authors' config: warm-up of 1000 steps, clipping at 35. Half of the pictures are
 * mirrored, as in the authors' working configs; their released file mirrors none: `--set
 * sampling.flip.released=0`. The paper prints no mu; the one here was never tried on COCO.
 */
import { retinaNetR101, retinaNetR50 } from '../../detection/retinanet/presets';
import type { Experiment } from '../experiment';
import { oneStagePeers } from '../peers';
import { promptsOf } from '../prompts';

const epoch = 7330; // steps of 16 pictures, over the 117,266 that have a box

export const retinanetR101R50Coco: Experiment = {
  name: 'retinanet-r101-r50-coco',
  title: 'COCO 2017, RetinaNet R101 to R50',
  data: { folder: 'data/coco', remedy: 'npm run data -- coco' },
  size: { longSide: 1333, shortSide: 800 },
  antialias: false,
  sampling: { flip: { paper: 0.5, released: 0.5 }, skipEmpty: true, groupByAspect: true },
  teacher: { model: retinaNetR101, checkpoint: 'retinanet-r101-2x', names: 'mmdet-retinanet', AP: 38.9 },
  student: {
    model: retinaNetR50,
    backbone: { checkpoint: 'resnet50-imagenet', names: 'torchvision-resnet' },
    steps: 24 * epoch,
    milestones: [16 * epoch, 22 * epoch],
    batch: 16,
    learningRate: 0.02,
    warmupSteps: 1000,
    optimizer: { kind: 'sgd', momentum: 0.9, weightDecay: 1e-4, decayed: 'all' },
    clip: 35,
  },
  prompt: promptsOf(),
  loss: { bands: 'all', reduction: 'mean' },
  weights: { mse: 5, mu: 10, released: { frequency: 1, mse: 5, regression: 1 }, ...oneStagePeers, cwd: { weight: 1 } },
};
