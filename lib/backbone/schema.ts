/** What fields of a network's config may be, where all networks share them. */
import type { Normalization } from '../data/types';
import * as s from '../core/schema';
import type { BackboneConfig } from './backbone';
import type { Norm } from './layers';
import type { MobileNetV2Config } from './mobilenet-v2';
import type { ResNetConfig } from './resnet';

export const channels = s.whole(1, 8192);

/** A layer's norm. */
export const norm: s.Schema<Norm> = s.either(
  s.has('groups'),
  s.fields({ groups: channels }),
  s.oneOf(['none', 'batch', 'frozen', 'constant']),
);

/** A backbone's norm. */
const backboneNorm: s.Schema<ResNetConfig['norm']> = s.either(
  s.has('groups'),
  s.fields({ groups: channels }),
  s.oneOf(['batch', 'frozen', 'constant']),
);

export const resnet: s.Schema<ResNetConfig> = s.pipe(
  s.fields({
    kind: s.optional(s.oneOf(['resnet'])),
    block: s.oneOf(['basic', 'bottleneck']),
    style: s.optional(s.oneOf(['pytorch', 'caffe'])),
    blocks: s.list(s.whole(1, 200), 1, 8),
    widths: s.list(channels, 1, 8),
    groups: s.optional(channels),
    widthPerGroup: s.optional(channels),
    deformableStages: s.optional(s.list(s.whole(1, 8), 0, 8)),
    dilations: s.optional(s.list(s.whole(1, 64), 0, 8)),
    stem: s.fields({ kernel: s.oneOf([3, 7]), channels, pool: s.truth(), deep: s.optional(s.truth()) }),
    norm: backboneNorm,
    epsilon: s.optional(s.real(0, 1)),
    frozenStages: s.whole(-1, 8),
    levels: s.list(s.whole(2, 9), 1, 8),
  }),
  s.check(
    ({ blocks, widths }) => blocks.length === widths.length,
    ({ input: { blocks, widths } }) => `has ${blocks.length} stages in blocks and ${widths.length} in widths`,
  ),
  s.check(
    ({ levels, widths }) => levels.every((level) => level <= widths.length + 1),
    ({ input: { widths } }) => `has levels that are none of 2 to ${widths.length + 1}, those of its stages`,
  ),
  s.check(
    ({ block, blocks, deformableStages = [] }) =>
      deformableStages.length === 0 ||
      (block === 'bottleneck' && deformableStages.every((stage) => stage <= blocks.length)),
    ({ input: { blocks } }) => `has deformableStages that are none of the ${blocks.length} of bottlenecks`,
  ),
) as s.Schema<ResNetConfig>;

const mobilenetv2: s.Schema<MobileNetV2Config> = s.fields({
  kind: s.oneOf(['mobilenetv2']),
  width: s.optional(s.positive(16)),
  norm: backboneNorm,
  epsilon: s.optional(s.real(0, 1)),
  frozenStages: s.whole(-1, 7),
  levels: s.list(s.whole(2, 5), 1, 4),
});

/** `kind` may be missing, as in configs from before there were others. */
export const backbone = s.byKind<BackboneConfig>({ resnet, mobilenetv2 }, 'resnet');

const three = (value: s.Schema) => s.list(value, 3, 3) as s.Schema as s.Schema<Normalization['mean']>;

/** How pixels become the network's input. */
export const normalization: s.Schema<Normalization> = s.fields({
  order: s.optional(s.oneOf(['rgb', 'bgr'])),
  mean: three(s.real(0, 255)),
  std: three(s.positive(255)),
});
