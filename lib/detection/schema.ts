/** What fields of a detector's config may be, where families share them. */
import { backbone, channels, normalization } from '../backbone/schema';
import * as s from '../core/schema';
import type { AnchorConfig } from './anchors';
import type { FpnConfig } from './fpn';

export { channels, norm } from '../backbone/schema';
export const share = s.real(0, 1);

export const anchors: s.Schema<AnchorConfig> = s.fields({
  baseScale: s.positive(1000),
  scalesPerOctave: s.whole(1, 100),
  ratios: s.list(s.positive(1000), 1, 100),
  wholePixels: s.optional(s.truth()),
});

export const neck: s.Schema<FpnConfig> = s.pipe(
  s.fields({
    channels,
    extraLevels: s.whole(0, 4),
    addExtraConvs: s.optional(s.oneOf(['on_input', 'on_output', 'none'])),
    reluBeforeExtraConvs: s.optional(s.truth()),
    norm: s.optional(s.fields({ groups: channels })),
  }),
  s.check(
    ({ channels: count, norm: chosen }) => !chosen || count % chosen.groups === 0,
    ({ input }) => `has ${input.channels} channels, which norm.groups must divide, is ${s.shown(input.norm)}`,
  ),
) as s.Schema<FpnConfig>;

/** The fields that all families have; `kind` is the family's. */
export const network = <K extends string>(kind: K) => ({
  kind: s.oneOf([kind]),
  classes: s.whole(1, 100_000),
  input: s.optional(normalization),
  backbone,
  neck,
});
