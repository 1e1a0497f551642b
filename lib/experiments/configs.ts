/**
 * Everything that decides an outcome, built once for each kind of work: the object that is trained
 * from, compared before anything is used again, and stored beside what was made of it.
 */
import type { DataFingerprint } from '../coco/fingerprint';
import type { Distillation } from '../distill/imitations/index';
import { type Experiment, type TrainingConfig } from './experiment';
import type { HeldOut } from './held-out';
import type { PromptName, PromptSettings, VariantRow } from '../runs/variants';

/**
 * Counted up by hand when the same configuration gives another outcome than before: then the older
 * ones are made again. (A hash of the code would do so at every changed comment; the commit stands
 * in the result files as well.)
 */
const code = { teacher: 1, prompt: 1, student: 1 };

/** What all work on the pictures depends on. */
export interface Inputs extends Pick<Experiment, 'size' | 'antialias' | 'sampling' | 'augmentation'> {
  data: DataFingerprint;
}

export function inputsOf(
  { size, antialias, sampling, augmentation }: Experiment,
  data: DataFingerprint,
): Inputs {
  return { size, antialias, ...(sampling && { sampling }), ...(augmentation && { augmentation }), data };
}

export interface TeacherConfig extends TrainingConfig, Inputs, Pick<Experiment, 'heldOut'> {
  code: number;
}

/** A training whose `start` is what the file of that name holds: its SHA-256. */
const started = (training: TrainingConfig, start?: string): TrainingConfig =>
  start === undefined ? training : { ...training, start };

/**
 * Of a teacher that is trained; its seed is 0.
 * @param start SHA-256 of the file that it starts from
 */
export function teacherConfig(
  training: TrainingConfig,
  inputs: Inputs,
  { heldOut, start }: { heldOut?: HeldOut; start?: string } = {},
): TeacherConfig {
  return { code: code.teacher, ...started(training, start), ...inputs, ...(heldOut && { heldOut }) };
}

export interface PromptConfig extends PromptSettings, Inputs {
  code: number;
  batch: number;
  seed: number;
  /** SHA-256 of the teacher's weights. */
  teacher: string;
  /** Where it is tuned on those that the teacher was not trained on alone. */
  pictures?: 'held-out';
}

export function promptConfig(
  { frequency, tuning }: PromptSettings,
  from: Pick<PromptConfig, 'batch' | 'seed' | 'teacher' | 'pictures'>,
  inputs: Inputs,
): PromptConfig {
  return { code: code.prompt, frequency, tuning, ...from, ...inputs };
}

export interface StudentConfig extends Inputs {
  code: number;
  /** Its `start` is the SHA-256 of that file. */
  student: TrainingConfig;
  /** SHA-256 of the file that its backbone starts from. */
  backbone?: string;
  distillation: Distillation;
  /** Whether it starts with the teacher's neck and head, or its neck. */
  inherit?: true | 'neck';
  /** Stage 1, or the SHA-256 of the file that takes its place. */
  prompt?: (PromptSettings & { code: number }) | { file: string };
  /** SHA-256 of the teacher's weights. */
  teacher?: string;
  validation: DataFingerprint;
  seed: number;
}

/** What a student is made from beside its experiment. */
export interface StudentSources {
  start?: string;
  backbone?: string;
  teacher: string;
  /** Of the authors' prompt, where it takes the place of stage 1. */
  promptFile?: string;
  validation: DataFingerprint;
}

export function studentConfig(
  experiment: Experiment,
  { name, prompt, distillation }: VariantRow,
  seed: number,
  { start, backbone, teacher, promptFile, validation }: StudentSources,
  inputs: Inputs,
): StudentConfig {
  const promptFrom = (of: PromptName): StudentConfig['prompt'] => {
    if (promptFile !== undefined && of === 'released') return { file: promptFile };
    return { code: code.prompt, ...experiment.prompt[of] };
  };
  return {
    code: code.student,
    student: started(experiment.student, start),
    ...(backbone !== undefined && { backbone }),
    distillation: distillation(experiment),
    ...(experiment.inherit && name !== 'student' && { inherit: experiment.inherit }),
    ...(prompt && { prompt: promptFrom(prompt) }),
    ...(name !== 'student' && { teacher }),
    ...inputs,
    validation,
    seed,
  };
}
