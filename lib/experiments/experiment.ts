/**
 * An experiment is one object literal: data, teacher, student, schedule, weights. `reproduce` runs
 * its variants.
 *
 * | experiment | data | what is known |
 * | --- | --- | --- |
 * | emojiScenes | 2000 / 300 generated scenes, 128x128, a stand-in | the default of `npm run reproduce` |
 * | folder | any folder in COCO layout with a train and a val split | `npm run reproduce -- --data FOLDER` |
 *
 * The rows of the paper's table are in rows/, one file each: `npm run reproduce -- --experiment
 * NAME`.
 */
import type { LoaderOptions } from '../coco/loader';
import type { InputSize } from '../coco/transforms';
import type { Distillation } from '../distill/distill-student';
import type { FrequencyOptions } from '../freekd/loss';
import type { FrequencyConfig, PromptTuning } from '../distill/tune-prompt';
import { smallStudent, smallTeacher } from '../detection/presets';
import type { RetinaNetConfig } from '../detection/retinanet';
import type { OptimizerConfig } from '../train/optimizer';
import type { NameMapName } from '../weights/names';

/** Weights that were trained elsewhere. */
export interface ImportedWeights {
  /** What `checkpointFile` knows: a name of the catalogue or of a seeded stand-in, or a file. */
  checkpoint: string;
  /** Whose names its tensors bear. */
  names: NameMapName;
}

/** How a detector is trained. */
export interface TrainingConfig {
  model: RetinaNetConfig;
  /** What its backbone starts from; without it, all starts from the seed. */
  backbone?: ImportedWeights;
  steps: number;
  batch: number;
  learningRate: number;
  warmupSteps: number;
  /** Steps at which the rate falls to a tenth; without them it falls along a cosine. */
  milestones?: readonly number[];
  optimizer: OptimizerConfig;
  /** Largest gradient norm. */
  clip: number;
}

/** A teacher that is imported instead of trained. */
export interface ImportedTeacher extends ImportedWeights {
  model: RetinaNetConfig;
  /** Expected on the experiment's validation pictures, in percent. */
  AP: number;
}

/** Prompt (and gate), and how they are tuned. */
export interface StageOne {
  frequency: FrequencyConfig;
  tuning: PromptTuning;
}

export interface Experiment {
  name: string;
  /** What tables and charts call the data. */
  title: string;
  /**
   * Where its pictures lie, from the root of the repository, and how they come there. Emoji scenes
   * are made, and have none.
   */
  data?: { folder: string; remedy: string };
  size: InputSize;
  /** Whether shrinking averages over all pixels (see coco/loader.ts). */
  antialias: boolean;
  /** How training pictures are drawn; by default all alike, half of them mirrored. */
  sampling?: { flip: Record<Profile, number> } & Required<Pick<LoaderOptions, 'skipEmpty' | 'groupByAspect'>>;
  teacher: TrainingConfig | ImportedTeacher;
  student: TrainingConfig;
  /** Whether distilled students start with the teacher's neck and head. */
  inherit?: boolean;
  /** Stage 1 of each profile. */
  prompt: Record<Profile, StageOne>;
  /** How L_FKD and L_FreeKD weigh bands, in profile `paper`. */
  loss: Required<Pick<FrequencyOptions, 'bands' | 'reduction'>>;
  /** Weights of the losses of stage 2. */
  weights: { mse: number; mu: number; released: Required<Distillation>['released'] };
}

export type Profile = 'paper' | 'released';

/** Every variant that `reproduce` knows, in the order of its tables. */
export const variants = ['student', 'mse', 'fkd', 'prompt', 'relation', 'freekd', 'released'] as const;
export type Variant = (typeof variants)[number];

export const variantTitles: Record<Variant, string> = {
  student: 'student alone',
  mse: 'feature MSE',
  fkd: 'L_FKD',
  prompt: 'L_FKD + prompt masks',
  relation: 'L_FKD + relational weight',
  freekd: 'FreeKD (both)',
  released: "FreeKD, authors' released losses",
};

/** The losses of a variant. */
export function distillationOf(variant: Variant, { weights, prompt, loss }: Experiment): Distillation {
  const { mse, mu, released } = weights;
  const paper = prompt.paper.frequency;
  const transform = paper.profile === 'paper' ? { wavelet: paper.wavelet, mode: paper.mode, level: paper.level } : {};
  const freekd = (masks: boolean, relation: boolean): Distillation => ({
    freekd: { mu, masks, relation, ...transform, ...loss },
  });
  switch (variant) {
    case 'student':
      return {};
    case 'mse':
      return { mse };
    case 'fkd':
      return freekd(false, false);
    case 'prompt':
      return freekd(true, false);
    case 'relation':
      return freekd(false, true);
    case 'freekd':
      return freekd(true, true);
    case 'released':
      return { released };
  }
}

/** Which profile's stage 1 a variant needs, if any. */
export function stageOneOf(variant: Variant): Profile | undefined {
  if (variant === 'released') return 'released';
  return variant === 'prompt' || variant === 'relation' || variant === 'freekd' ? 'paper' : undefined;
}

const optimizer: OptimizerConfig = { kind: 'adamw', weightDecay: 0.05 };
const fromScratch = { batch: 8, learningRate: 2e-3, warmupSteps: 100, optimizer, clip: 10 };
const tuning: PromptTuning = {
  lambda: 1,
  similarity: 'jaccard',
  pairs: 'all',
  steps: 500,
  learningRate: 0.01,
  weightDecay: 1e-3,
};

export const emojiScenes: Experiment & { teacher: TrainingConfig } = {
  name: 'emoji-scenes',
  title: 'emoji scenes (generated stand-in, not COCO)',
  size: { width: 128, height: 128 },
  antialias: false,
  teacher: { ...fromScratch, model: smallTeacher, steps: 3000 },
  student: { ...fromScratch, model: smallStudent, steps: 800 },
  prompt: {
    paper: { frequency: { profile: 'paper', tokens: 2, level: 3, wavelet: 'haar', mode: 'zero', gate: true }, tuning },
    released: {
      frequency: { profile: 'released', tokens: 6 },
      tuning: { ...tuning, similarity: 'dice', pairs: 'distinct' },
    },
  },
  loss: { bands: 'all', reduction: 'mean' },
  weights: { mse: 10, mu: 30, released: { frequency: 1, mse: 5, regression: 1 } },
};

/**
 * An experiment on a folder in COCO layout: the pictures shrunk to `size`, a teacher trained on the
 * spot.
 */
export function folderExperiment(
  name: string,
  classes: number,
  size: InputSize = { width: 256, height: 192 },
): Experiment {
  const withClasses = (config: TrainingConfig, steps: number): TrainingConfig => ({
    ...config,
    steps,
    model: { ...config.model, classes },
  });
  return {
    ...emojiScenes,
    name,
    title: name,
    size,
    antialias: true,
    teacher: withClasses(emojiScenes.teacher, 1500),
    student: withClasses(emojiScenes.student, 800),
  };
}
