/**
 * Paper:     FreeKD (Zhang et al., CVPR 2024, arXiv 2311.12079), table of detectors on COCO
 * Row:       RepPoints R50 <- RepPoints X101-32x4d-DCN, 2x schedule
 * Expected:  student alone 38.6, teacher 44.2, FreeKD 42.4 AP on val2017
 * Cost:      24 epochs of 118,000 pictures at 1333x800, with a deformable teacher. Not run by this
 *            project yet, so no time is known.
 * Command:   npm run data -- coco
 *            npm run data -- weights reppoints-x101-dcn-2x
 *            npm run data -- weights resnet50-imagenet
 *              npm run reproduce -- --experiment reppoints-x101dcn-r50-coco                      profile `paper`
 *              npm run reproduce -- --experiment reppoints-x101dcn-r50-coco --profile released
 *              npm run reproduce -- --experiment reppoints-x101dcn-r50-coco --variants student   student alone
 *            with --batch N where 16 pictures a step do not fit, and --resume after every stop.
 *
 * The teacher that tables call "RepPoints R101" has 44.2 AP and is a ResNeXt-101 32x4d with
 * deformable convolutions; mmdetection's plain R101 has 40.5. Model, data and schedule are those of
 * its `reppoints_moment_r50_fpn_gn-neck+head_2x_coco`: rate 0.01, warm-up of 500 steps, no clipping.
 * The authors' tree has no FreeKD config of this pair. MasKD's, of the same lineage, weighs its
 * feature loss 10, here as for FCOS, so these are the weights of the authors' FCOS config: frequency
 * loss 5, feature MSE 10, and nothing inherited, as in MasKD's. Its two small terms on the head
 * (smooth L1 of beta 0.11 on what moves the points, 0.2 and 0.1) are left out. The paper prints no
 * mu, and the one here was never tried on COCO.
 */
import { repPointsR50, repPointsX101Deformable } from '../../detection/reppoints/presets';
import type { Experiment } from '../experiment';
import { pointPeers } from '../peers';
import { retinanetR101R50Coco } from './retinanet-r101-r50-coco';

export const reppointsX101dcnR50Coco: Experiment = {
  ...retinanetR101R50Coco,
  name: 'reppoints-x101dcn-r50-coco',
  title: 'COCO 2017, RepPoints X101-32x4d-DCN to R50',
  teacher: {
    model: repPointsX101Deformable,
    checkpoint: 'reppoints-x101-dcn-2x',
    names: 'mmdet-reppoints',
    AP: 44.2,
  },
  student: {
    ...retinanetR101R50Coco.student,
    model: repPointsR50,
    learningRate: 0.01,
    warmupSteps: 500,
    clip: undefined,
  },
  weights: {
    mse: 10,
    mu: 10,
    released: { frequency: 5, mse: 10, regression: 0 },
    ...pointPeers,
    cwd: { weight: 7.5 },
    pkd: { weight: 10 },
  },
};
