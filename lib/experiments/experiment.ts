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
import type { Augmentation } from '../coco/augmentation';
import type { LoaderOptions } from '../coco/loader';
import type { InputSize } from '../coco/input-size';
import { smallDetectors, type DetectorConfig, type DetectorKind } from '../detection/families';
import type { RetinaNetConfig } from '../detection/retinanet';
import type { LossSettings, Profile } from '../runs/variants';
import type { OptimizerConfig } from '../train/optimizer';
import type { NameMapName } from '../weights/names';
import { smallPeers } from './peers';
import type { HeldOut } from './held-out';
import { promptsOf } from './prompts';

/** Weights that were trained elsewhere. */
export interface ImportedWeights {
  /** What `checkpointFile` knows: a name of the catalogue or of a seeded stand-in, or a file. */
  checkpoint: string;
  /** Whose names its tensors bear. */
  names: NameMapName;
}

/** How a detector is trained. */
export interface TrainingConfig {
  model: DetectorConfig;
  /**
   * What all of it starts from, with its classes fitted: a name of the catalogue, or a file, from the
   * root of the repository (start.ts). Without it, from the seed.
   */
  start?: string;
  /** What its backbone starts from; without it, all starts from the seed. */
  backbone?: ImportedWeights;
  steps: number;
  batch: number;
  learningRate: number;
  warmupSteps: number;
  /** The share of the rate that the warm-up begins with. Default 0.001. */
  warmupRatio?: number;
  /** Steps at which the rate falls to a tenth; without them it falls along a cosine. */
  milestones?: readonly number[];
  optimizer: OptimizerConfig;
  /** Largest gradient norm. Default: any. */
  clip?: number;
  /**
   * Decay of the moving average of the weights that is kept in their place (train/average.ts).
   * Default: none.
   */
  average?: number;
}

/** A teacher that is imported instead of trained. */
export interface ImportedTeacher extends ImportedWeights {
  model: DetectorConfig;
  /** Expected on the experiment's validation pictures, in percent. */
  AP: number;
}

export interface Experiment extends LossSettings {
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
  /**
   * How training pictures are changed beside that, of teacher, prompt and student alike. Then no
   * picture comes twice, and the teacher's features are made in every step.
   */
  augmentation?: Augmentation;
  /** Training pictures that choose among the teacher's weights; by default it is trained on all. */
  heldOut?: HeldOut;
  teacher: TrainingConfig | ImportedTeacher;
  student: TrainingConfig;
  /** Whether distilled students start with the teacher's neck and head, or with its neck alone. */
  inherit?: boolean | 'neck';
}

/**
 * Whether a picture has two inputs only, mirrored and not, so that the teacher's features can be
 * kept.
 */
export function hasFixedInputs({ size, augmentation }: Pick<Experiment, 'size' | 'augmentation'>): boolean {
  return 'width' in size && !augmentation;
}

const small = smallDetectors('retinanet');
const optimizer: OptimizerConfig = { kind: 'adamw', weightDecay: 0.05 };
const fromScratch = { batch: 8, learningRate: 2e-3, warmupSteps: 100, optimizer, clip: 10 };

const sceneSize = { width: 128, height: 128 };

/** A training of one family's detector. */
type TrainingOf<Model> = TrainingConfig & { model: Model };
type OnEmojiScenes<Model> = Experiment & Record<'teacher' | 'student', TrainingOf<Model>>;

export const emojiScenes: OnEmojiScenes<RetinaNetConfig> = {
  name: 'emoji-scenes',
  title: 'emoji scenes (generated stand-in, not COCO)',
  size: sceneSize,
  antialias: false,
  teacher: { ...fromScratch, model: small.teacher, steps: 3000 },
  student: { ...fromScratch, model: small.student, steps: 800 },
  prompt: promptsOf(500),
  loss: { bands: 'all', reduction: 'mean' },
  weights: { mse: 10, mu: 30, released: { frequency: 1, mse: 5, regression: 1 }, ...smallPeers(sceneSize) },
};

/** Emoji scenes with small detectors of a family. */
export function emojiScenesWith(kind: DetectorKind): OnEmojiScenes<DetectorConfig> {
  if (kind === 'retinanet') return emojiScenes;
  const { teacher, student } = smallDetectors(kind);
  return {
    ...emojiScenes,
    name: `${emojiScenes.name}-${kind}`,
    teacher: { ...emojiScenes.teacher, model: teacher },
    student: { ...emojiScenes.student, model: student },
  };
}

/**
 * An experiment on a folder in COCO layout: the pictures shrunk to `size`, a teacher trained on the
 * spot.
 */
export function folderExperiment(
  name: string,
  classes: number,
  size: InputSize = { width: 256, height: 192 },
  kind: DetectorKind = 'retinanet',
): Experiment {
  const standard = emojiScenesWith(kind);
  const withClasses = (config: TrainingConfig, steps: number): TrainingConfig => ({
    ...config,
    steps,
    model: { ...config.model, classes },
  });
  return {
    ...standard,
    name,
    title: name,
    size,
    antialias: true,
    teacher: withClasses(standard.teacher, 1500),
    student: withClasses(standard.student, 800),
    weights: { ...standard.weights, ...('width' in size && smallPeers(size)) },
  };
}
