/** What each field of a RetinaNet's config may be. */
import * as s from '../../core/schema';
import { anchors, channels, network, norm, share } from '../schema';
import type { RetinaNetConfig } from './network';

/** `kind` may be missing, as in configs from before there were others. */
export const retinaNetSchema: s.Schema<RetinaNetConfig> = s.fields({
  ...network('retinanet'),
  kind: s.optional(s.oneOf(['retinanet'])),
  head: s.pipe(
    s.fields({ convs: s.whole(0, 32), channels, norm }),
    s.check(
      ({ norm: chosen, channels: count }) => typeof chosen === 'string' || count % chosen.groups === 0,
      ({ input }) => `has ${input.channels} channels, which norm.groups must divide, is ${s.shown(input.norm)}`,
    ),
  ),
  anchors,
  assign: s.fields({ positive: share, negative: share }),
  loss: s.fields({
    focal: s.fields({ alpha: share, gamma: s.real(0, 100) }),
    box: s.fields({ beta: s.real(0, 100) }),
  }),
});
