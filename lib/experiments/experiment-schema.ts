/** What each field of an experiment may be: ranges, whole numbers, names. */
import { isDeepStrictEqual } from 'node:util';
import { detectorSchema as model } from '../detection/families';
import * as s from '../core/schema';
import { augmentationSchema, inputSizeSchema } from '../coco/schema';
import { penalties } from '../freekd/penalty';
import type { OptimizerConfig } from '../train/optimizer';
import { MODE_NAMES } from '../wavelet/boundary';
import { wavelets } from '../wavelet/filter-bank';
import { nameMaps, type NameMapName } from '../weights/names';
import type { Experiment, ImportedTeacher, ImportedWeights, TrainingConfig } from './experiment';
import type { PromptSettings } from '../runs/variants';

const MOST_STEPS = 1e9;
const share = s.real(0, 1);
const weight = s.real(0, 1e9); // of a loss
const levels = s.optional(s.whole(1, 100)); // of the pyramid, from the finest

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
    decayed: s.optional(s.oneOf(['weights', 'all-but-biases', 'all'])),
    biasRate: s.optional(s.positive(1000)),
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
  start: s.optional(s.text()),
  backbone: s.optional(s.fields(imported)),
  steps: s.whole(1, MOST_STEPS),
  batch: s.whole(1, 65_536),
  learningRate: s.positive(1000),
  warmupSteps: s.whole(0, MOST_STEPS),
  warmupRatio: s.optional(share),
  milestones: s.optional(s.list(s.whole(0, MOST_STEPS))),
  optimizer,
  clip: s.optional(s.positive(1e9)),
  average: s.optional(share),
});

const teacher: s.Schema<TrainingConfig | ImportedTeacher> = s.either(
  s.has('checkpoint'),
  s.fields({ model, ...imported, AP: s.real(0, 100) }),
  training,
);

const tokens = s.whole(1, 1024);

/** Stage 1 of a profile; `released` and `maskd` have one similarity and one set of pairs. */
const promptSettings = (frequency: s.Schema, similarity: readonly string[], pairs: readonly string[]) =>
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
  mode: s.named(MODE_NAMES),
  gate: s.truth(),
});

const fields: s.Schema<Experiment> = s.fields({
  name: s.text(),
  title: s.text(),
  data: s.optional(s.fields({ folder: s.text(), remedy: s.text() })),
  size: inputSizeSchema,
  antialias: s.truth(),
  sampling: s.optional(
    s.fields({ flip: s.fields({ paper: share, released: share }), skipEmpty: s.truth(), groupByAspect: s.truth() }),
  ),
  augmentation: s.optional(augmentationSchema),
  heldOut: s.optional(
    s.fields({ share: s.real(0.01, 0.9), looks: s.whole(1, 10_000), patience: s.whole(1, 10_000) }),
  ),
  teacher,
  student: training,
  inherit: s.optional(s.either((value) => typeof value === 'string', s.oneOf(['neck']), s.truth())),
  prompt: s.fields({
    paper: promptSettings(paper, ['jaccard', 'dice'], ['all', 'distinct']),
    released: promptSettings(s.fields({ profile: s.oneOf(['released']), tokens }), ['dice'], ['distinct']),
    maskd: promptSettings(s.fields({ profile: s.oneOf(['maskd']), tokens }), ['dice'], ['distinct']),
  }),
  loss: s.fields({
    bands: s.oneOf(['all', 'high']),
    reduction: s.oneOf(['mean', 'band-mean', 'sum']),
    penalty: s.optional(s.fields({ low: s.optional(s.oneOf(penalties)), high: s.optional(s.oneOf(penalties)) })),
    bandWeights: s.optional(s.fields({ low: s.optional(weight), high: s.optional(weight) })),
    refineAfter: s.optional(s.whole(0, MOST_STEPS)),
  }),
  weights: s.fields({
    mse: weight,
    mu: weight,
    released: s.fields({ frequency: weight, mse: weight, regression: weight }),
    cwd: s.fields({ weight, temperature: s.optional(s.positive(1000)), levels }),
    pkd: s.fields({ weight, levels }),
    mgd: s.fields({ weight, hidden: s.optional(share) }),
    fgd: s.fields({
      weight,
      background: s.optional(weight),
      attention: s.optional(weight),
      context: s.optional(weight),
      temperature: s.optional(s.positive(1000)),
      levels,
    }),
    cankd: s.fields({ weight, levels }),
    maskd: s.fields({ weight, refineAfter: s.optional(s.whole(0, MOST_STEPS)) }),
    crosskd: s.fields({ weight, boxes: s.optional(weight), after: s.optional(s.whole(0, 32)) }),
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
