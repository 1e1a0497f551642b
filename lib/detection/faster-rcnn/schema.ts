/** What each field of a Faster R-CNN's config may be. */
import * as s from '../../core/schema';
import { anchors, channels, network, share } from '../schema';
import type { FasterRcnnConfig } from './network';

const drawn = s.fields({ count: s.whole(1, 100_000), share });
const proposals = s.fields({ perLevel: s.whole(1, 1e6), iouThreshold: share, maximum: s.whole(1, 1e6) });

export const fasterRcnnSchema: s.Schema<FasterRcnnConfig> = s.fields({
  ...network('faster-rcnn'),
  anchors,
  rpn: s.fields({
    channels,
    assign: s.fields({ positive: share, negative: share, least: s.optional(share) }),
    sample: drawn,
  }),
  proposals: s.fields({ training: proposals, test: proposals }),
  regions: s.fields({ positive: share, sample: drawn }),
  head: s.fields({
    channels,
    bins: s.whole(1, 64),
    finestScale: s.positive(10_000),
    levels: s.whole(1, 12),
    classAgnostic: s.truth(),
    deviations: s.list(s.positive(100), 2, 2) as s.Schema as s.Schema<[number, number]>,
  }),
});
