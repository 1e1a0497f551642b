/** The experiments that `npm run reproduce -- --experiment NAME` knows: the published rows, and what a CPU runs. */
import { emojiScenes, type Experiment } from '../experiment';
import { bccd } from './bccd';
import { fcosR101R50Coco } from './fcos-r101-r50-coco';
import { fcosR101R50Coco128 } from './fcos-r101-r50-coco128';
import { retinanetR101R50Coco } from './retinanet-r101-r50-coco';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';
import { retinanetX101R50Coco } from './retinanet-x101-r50-coco';
import { retinanetX101R50Coco128 } from './retinanet-x101-r50-coco128';

export const experiments = {
  'retinanet-r101-r50-coco': retinanetR101R50Coco,
  'retinanet-x101-r50-coco': retinanetX101R50Coco,
  'fcos-r101-r50-coco': fcosR101R50Coco,
  'retinanet-r101-r50-coco128': retinanetR101R50Coco128,
  'retinanet-x101-r50-coco128': retinanetX101R50Coco128,
  'fcos-r101-r50-coco128': fcosR101R50Coco128,
  bccd,
  'emoji-scenes': emojiScenes,
} satisfies Record<string, Experiment>;

export type ExperimentName = keyof typeof experiments;
export const experimentNames = Object.keys(experiments) as ExperimentName[];
