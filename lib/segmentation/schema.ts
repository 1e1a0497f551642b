/** What each field of a segmenter's config may be. */
import { channels, normalization, resnet } from '../backbone/schema';
import * as s from '../core/schema';
import type { SegmenterConfig } from './segmenter';

const parts = s.list(s.whole(1, 64), 1, 16);

const head = s.byKind<SegmenterConfig['head']>(
  {
    psp: s.fields({ kind: s.oneOf(['psp']), channels, scales: parts }),
    aspp: s.fields({ kind: s.oneOf(['aspp']), channels, dilations: parts }),
    fcn: s.fields({ kind: s.oneOf(['fcn']), channels }),
  },
  'psp',
);

export const segmenterSchema: s.Schema<SegmenterConfig> = s.fields({
  kind: s.oneOf(['segmenter']),
  classes: s.whole(1, 255),
  input: s.optional(normalization),
  backbone: resnet,
  head,
  auxiliary: s.optional(s.fields({ channels, weight: s.real(0, 100) })),
  dropout: s.real(0, 0.99),
  alignCorners: s.truth(),
  imitated: s.oneOf(['features', 'logits']),
  average: s.oneOf(['all', 'labelled']),
});
