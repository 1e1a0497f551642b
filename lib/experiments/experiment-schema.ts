/** What each field of an experiment may be: ranges, whole numbers, names. */
import { isDeepStrictEqual } from 'node:util';
import type { InputSize } from '../coco/transforms';
import type { Normalization } from '../data/types';
import type { DetectorConfig } from '../detection/create';
import type { ResNetConfig } from '../detection/resnet';
import type { Norm } from '../detection/layers';
import * as s from '../core/schema';
import type { OptimizerConfig } from '../train/optimizer';
import { MODES } from '../wavelet/boundary';
import { wavelets } from '../wavelet/filter-bank';
import { nameMaps, type NameMapName } from '../weights/names';
import type { Experiment, ImportedTeacher, ImportedWeights, TrainingConfig } from './experiment';
import type { PromptSettings } from '../runs/variants';

const MOST_STEPS = 1e9;
const channels = s.whole(1, 8192);
const side = s.whole(8, 8192); // pixels
const share = s.real(0, 1);
const weight = s.real(0, 1e9); // of a loss

const norm: s.Schema<Norm> = s.either(
  s.has('groups'),
  s.fields({ groups: channels }),
  s.oneOf(['none', 'batch', 'frozen']),
);

const backbone: s.Schema<ResNetConfig> = s.pipe(
  s.fields({
    block: s.oneOf(['basic', 'bottleneck']),
    style: s.optional(s.oneOf(['pytorch', 'caffe'])),
    blocks: s.list(s.whole(1, 200), 1, 8),
    widths: s.list(channels, 1, 8),
    groups: s.optional(channels),
    widthPerGroup: s.optional(channels),
    stem: s.fields({ kernel: s.oneOf([3, 7]), channels, pool: s.truth() }),
    norm: s.either(s.has('groups'), s.fields({ groups: channels }), s.oneOf(['batch', 'frozen'])),
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
) as s.Schema<ResNetConfig>;

const three = (value: s.Schema) => s.list(value, 3, 3) as s.Schema as s.Schema<Normalization['mean']>;

const normalization: s.Schema<Normalization> = s.fields({
  order: s.optional(s.oneOf(['rgb', 'bgr'])),
  mean: three(s.real(0, 255)),
  std: three(s.positive(255)),
});

const model: s.Schema<DetectorConfig> = s.fields({
  kind: s.optional(s.oneOf(['retinanet'])),
  classes: s.whole(1, 100_000),
  input: s.optional(normalization),
  backbone,
  neck: s.fields({
    channels,
    extraLevels: s.whole(0, 4),
    addExtraConvs: s.optional(s.oneOf(['on_input', 'on_output'])),
    reluBeforeExtraConvs: s.optional(s.truth()),
  }),
  head: s.pipe(
    s.fields({ convs: s.whole(0, 32), channels, norm }),
    s.check(
      ({ norm: chosen, channels: count }) => typeof chosen === 'string' || count % chosen.groups === 0,
      ({ input }) => `has ${input.channels} channels, which norm.groups must divide, is ${s.shown(input.norm)}`,
    ),
  ),
  anchors: s.fields({
    baseScale: s.positive(1000),
    scalesPerOctave: s.whole(1, 100),
    ratios: s.list(s.positive(1000), 1, 100),
    wholePixels: s.optional(s.truth()),
  }),
  assign: s.fields({ positive: share, negative: share }),
  loss: s.fields({
    focal: s.fields({ alpha: share, gamma: s.real(0, 100) }),
    box: s.fields({ beta: s.real(0, 100) }),
  }),
});

const imported = {
  checkpoint: s.text(),
  names: s.oneOf(Object.keys(nameMaps) as NameMapName[]),
} satisfies Record<keyof ImportedWeights, s.Schema>;

const decay = s.optional(s.real(0, 100));
const optimizer: s.Schema<OptimizerConfig> = s.either(
  (value) => s.has('kind')(value) && (value as { kind: unknown }).kind === 'sgd',
  s.fields({
    kind: s.oneOf(['sgd']),
    momentum: s.optional(share),
    weightDecay: decay,
    decayed: s.optional(s.oneOf(['weights', 'all'])),
  }),
  s.fields({
    kind: s.oneOf(['adam', 'adamw', 'sgd']),
    beta1: s.optional(share),
    beta2: s.optional(share),
    epsilon: s.optional(s.positive(1)),
    weightDecay: decay,
  }),
);

const training: s.Schema<TrainingConfig> = s.fields({
  model,
  backbone: s.optional(s.fields(imported)),
  steps: s.whole(1, MOST_STEPS),
  batch: s.whole(1, 65_536),
  learningRate: s.positive(1000),
  warmupSteps: s.whole(0, MOST_STEPS),
  milestones: s.optional(s.list(s.whole(0, MOST_STEPS))),
  optimizer,
  clip: s.positive(1e9),
});

const teacher: s.Schema<TrainingConfig | ImportedTeacher> = s.either(
  s.has('checkpoint'),
  s.fields({ model, ...imported, AP: s.real(0, 100) }),
  training,
);

const tokens = s.whole(1, 1024);

/** Stage 1 of a profile; profile `released` has one similarity and one set of pairs. */
const stageOne = (frequency: s.Schema, similarity: readonly string[], pairs: readonly string[]) =>
  s.fields({
    frequency,
    tuning: s.fields({
      lambda: weight,
      similarity: s.oneOf(similarity),
      pairs: s.oneOf(pairs),
      steps: s.whole(1, MOST_STEPS),
      learningRate: s.positive(1000),
      weightDecay: s.real(0, 100),
    }),
  }) as s.Schema<PromptSettings>;

const level = s.whole(0, 12);
const paper = s.fields({
  profile: s.oneOf(['paper']),
  tokens,
  level,
  wavelet: s.named(wavelets()),
  mode: s.named(MODES),
  gate: s.truth(),
});

const size: s.Schema<InputSize> = s.either(
  s.has('longSide'),
  s.fields({ longSide: side, shortSide: side }),
  s.fields({ width: side, height: side }),
);

const fields: s.Schema<Experiment> = s.fields({
  name: s.text(),
  title: s.text(),
  data: s.optional(s.fields({ folder: s.text(), remedy: s.text() })),
  size,
  antialias: s.truth(),
  sampling: s.optional(
    s.fields({ flip: s.fields({ paper: share, released: share }), skipEmpty: s.truth(), groupByAspect: s.truth() }),
  ),
  teacher,
  student: training,
  inherit: s.optional(s.truth()),
  prompt: s.fields({
    paper: stageOne(paper, ['jaccard', 'dice'], ['all', 'distinct']),
    released: stageOne(s.fields({ profile: s.oneOf(['released']), tokens }), ['dice'], ['distinct']),
  }),
  loss: s.fields({ bands: s.oneOf(['all', 'high']), reduction: s.oneOf(['mean', 'band-mean', 'sum']) }),
  weights: s.fields({
    mse: weight,
    mu: weight,
    released: s.fields({ frequency: weight, mse: weight, regression: weight }),
  }),
});

/** Teacher and student see the same batch. */
export const experimentSchema: s.Schema<Experiment> = s.pipe(
  fields,
  s.check(
    ({ teacher: { model: taught }, student: { model: learnt } }) => isDeepStrictEqual(taught.input, learnt.input),
    ({ input: { teacher, student } }) =>
      `has student.model.input ${s.shown(student.model.input)}, which must be the teacher's, ` +
      s.shown(teacher.model.input),
  ),
);
