/** What each field of an FCOS's config may be. */
import * as s from '../../core/schema';
import { channels, network, norm, share } from '../schema';
import type { FcosConfig } from './network';

const pixels = s.real(-1, 1e9);

export const fcosSchema: s.Schema<FcosConfig> = s.fields({
  ...network('fcos'),
  head: s.fields({
    convs: s.whole(0, 32),
    channels,
    norm,
    convBias: s.truth(),
    centernessOn: s.oneOf(['classification', 'regression']),
    distance: s.oneOf(['exp', 'stride']),
    scales: s.optional(s.truth()),
  }),
  points: s.optional(s.oneOf(['middle', 'corner'])),
  assign: s.fields({
    ranges: s.list(s.list(pixels, 2, 2), 1, 12) as s.Schema as s.Schema<FcosConfig['assign']['ranges']>,
    centerRadius: s.real(0, 1000),
  }),
  loss: s.fields({
    focal: s.fields({ alpha: share, gamma: s.real(0, 100) }),
    box: s.oneOf(['iou', 'giou']),
  }),
  nms: share,
});
