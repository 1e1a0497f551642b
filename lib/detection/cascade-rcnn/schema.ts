/** What each field of a Cascade R-CNN's config may be. */
import * as s from '../../core/schema';
import { deviations, firstStage, regions, roiHead } from '../faster-rcnn/schema';
import { network } from '../schema';
import type { CascadeRcnnConfig } from './network';

export const cascadeRcnnSchema: s.Schema<CascadeRcnnConfig> = s.fields({
  ...network('cascade-rcnn'),
  ...firstStage,
  head: s.fields({ ...roiHead, beta: s.real(0, 1000) }),
  stages: s.list(s.fields({ regions, deviations, weight: s.real(0, 1e9) }), 1, 8),
});
