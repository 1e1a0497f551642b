/** What each field of a RepPoints' config may be. */
import * as s from '../../core/schema';
import { channels, network, norm, share } from '../schema';
import type { RepPointsConfig } from './network';

export const repPointsSchema: s.Schema<RepPointsConfig> = s.fields({
  ...network('reppoints'),
  head: s.fields({ convs: s.whole(0, 32), channels, norm }),
  assign: s.fields({ scale: s.positive(1000), positive: share, negative: share }),
  loss: s.fields({
    focal: s.fields({ alpha: share, gamma: s.real(0, 100) }),
    box: s.fields({ beta: s.positive(100), initial: s.real(0, 1000), refined: s.real(0, 1000) }),
  }),
});
