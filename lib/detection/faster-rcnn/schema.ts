/** What each field of a Faster R-CNN's config may be. */
import * as s from '../../core/schema';
import { anchors, channels, network, share } from '../schema';
import type { FirstStageConfig } from './first-stage';
import type { FasterRcnnConfig } from './network';
import type { Deviations, RegionConfig } from './regions';
import type { RoiHeadConfig } from './roi-head';

const drawn = s.fields({ count: s.whole(1, 100_000), share });
const proposals = s.fields({ perLevel: s.whole(1, 1e6), iouThreshold: share, maximum: s.whole(1, 1e6) });

/** The fields of the first stage. */
export const firstStage = {
  anchors,
  rpn: s.fields({
    channels,
    assign: s.fields({ positive: share, negative: share, least: s.optional(share) }),
    allowedBorder: s.optional(s.real(0, 10_000)),
    sample: drawn,
    beta: s.optional(s.real(0, 1000)),
  }),
  proposals: s.fields({ training: proposals, test: proposals }),
} satisfies Record<keyof FirstStageConfig, s.Schema>;

export const regions: s.Schema<RegionConfig> = s.fields({ positive: share, sample: drawn });
export const deviations = s.list(s.positive(100), 2, 2) as s.Schema as s.Schema<Deviations>;

/** The fields of a head that looks at regions. */
export const roiHead = {
  channels,
  bins: s.whole(1, 64),
  finestScale: s.positive(10_000),
  levels: s.whole(1, 12),
  samples: s.optional(s.whole(0, 64)),
  aligned: s.optional(s.truth()),
} satisfies Record<keyof RoiHeadConfig, s.Schema>;

export const fasterRcnnSchema: s.Schema<FasterRcnnConfig> = s.fields({
  ...network('faster-rcnn'),
  ...firstStage,
  regions,
  head: s.fields({ ...roiHead, classAgnostic: s.truth(), deviations }),
});
