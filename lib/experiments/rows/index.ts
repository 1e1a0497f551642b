/** The experiments that `npm run reproduce -- --experiment NAME` knows: the published rows, and what a CPU runs. */
import { emojiScenes, type Experiment } from '../experiment';
import { bccd } from './bccd';
import { fasterRcnnCascadeX101R50Coco } from './faster-rcnn-cascade-x101-r50-coco';
import { fasterRcnnCascadeX101R50Coco128 } from './faster-rcnn-cascade-x101-r50-coco128';
import { fasterRcnnR101R50Coco } from './faster-rcnn-r101-r50-coco';
import { fasterRcnnR101R50Coco128 } from './faster-rcnn-r101-r50-coco128';
import { fcosR101R50Coco } from './fcos-r101-r50-coco';
import { fcosR101R50Coco128 } from './fcos-r101-r50-coco128';
import { reppointsX101dcnR50Coco } from './reppoints-x101dcn-r50-coco';
import { reppointsX101dcnR50Coco128 } from './reppoints-x101dcn-r50-coco128';
import { retinanetFcosX101R50Coco } from './retinanet-fcosx101-r50-coco';
import { retinanetR101R50Coco } from './retinanet-r101-r50-coco';
import { retinanetR101R50Coco128 } from './retinanet-r101-r50-coco128';
import { retinanetR50MobileNetV2Coco } from './retinanet-r50-mobilenetv2-coco';
import { retinanetR50MobileNetV2Coco128 } from './retinanet-r50-mobilenetv2-coco128';
import { retinanetR50R18Coco } from './retinanet-r50-r18-coco';
import { retinanetX101R50Coco } from './retinanet-x101-r50-coco';
import { retinanetX101R50Coco128 } from './retinanet-x101-r50-coco128';

export const experiments = {
  'retinanet-r101-r50-coco': retinanetR101R50Coco,
  'retinanet-x101-r50-coco': retinanetX101R50Coco,
  'fcos-r101-r50-coco': fcosR101R50Coco,
  'faster-rcnn-r101-r50-coco': fasterRcnnR101R50Coco,
  'faster-rcnn-cascade-x101-r50-coco': fasterRcnnCascadeX101R50Coco,
  'reppoints-x101dcn-r50-coco': reppointsX101dcnR50Coco,
  'retinanet-r50-r18-coco': retinanetR50R18Coco,
  'retinanet-r50-mobilenetv2-coco': retinanetR50MobileNetV2Coco,
  'retinanet-fcosx101-r50-coco': retinanetFcosX101R50Coco,
  'retinanet-r101-r50-coco128': retinanetR101R50Coco128,
  'retinanet-x101-r50-coco128': retinanetX101R50Coco128,
  'retinanet-r50-mobilenetv2-coco128': retinanetR50MobileNetV2Coco128,
  'fcos-r101-r50-coco128': fcosR101R50Coco128,
  'faster-rcnn-r101-r50-coco128': fasterRcnnR101R50Coco128,
  'faster-rcnn-cascade-x101-r50-coco128': fasterRcnnCascadeX101R50Coco128,
  'reppoints-x101dcn-r50-coco128': reppointsX101dcnR50Coco128,
  bccd,
  'emoji-scenes': emojiScenes,
} satisfies Record<string, Experiment>;

export type ExperimentName = keyof typeof experiments;
export const experimentNames = Object.keys(experiments) as ExperimentName[];
