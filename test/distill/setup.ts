/** A tiny teacher and student with their data, and runs of both stages on them. */
import { createLoader, type Loader } from '../../lib/dist/coco/loader';
import { openCoco } from '../../lib/dist/coco/dataset';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { trainDetector, type TeacherSide } from '../../lib/dist/distill/distill-student';
import type { Distillation } from '../../lib/dist/distill/imitations/index';
import { liveFeatures } from '../../lib/dist/distill/feature-cache';
import { Teacher } from '../../lib/dist/distill/teacher';
import { createPromptState, type PromptDesign, type PromptState } from '../../lib/dist/distill/prompt-state';
import { tunePrompt, type PromptTuning } from '../../lib/dist/distill/tune-prompt';
import type { TrainOptions, TrainResult } from '../../lib/dist/train/loop';
import type { Batch } from '../../lib/dist/data/types';
import { temporary, tinyStudent, tinyTeacher } from './tiny';

export type Run = Partial<
  Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep' | 'checkpointEvery'>
>;

export const frequencies: Record<PromptDesign['profile'], PromptDesign> = {
  paper: { profile: 'paper', tokens: 2, level: 2, wavelet: 'haar', mode: 'zero', gate: true },
  released: { profile: 'released', tokens: 3 },
  maskd: { profile: 'maskd', tokens: 3 },
};
export const tuning: PromptTuning = {
  lambda: 1,
  similarity: 'jaccard',
  pairs: 'all',
  steps: 6,
  learningRate: 0.01,
  weightDecay: 1e-3,
};

/** Every way to distil, by variant. */
export const distillations: Record<string, Distillation> = {
  student: {},
  mse: { mse: 1 },
  freekd: { freekd: { mu: 3, masks: true, relation: true, wavelet: 'haar', mode: 'zero', level: 2 } },
  released: { released: { frequency: 1, mse: 5, regression: 1 } },
};

export function pictures(
  folder: string,
  options: { batch?: number; flip?: number; shuffle?: boolean; seed?: number } = {},
): Loader {
  return createLoader(openCoco(folder, 'train'), { size: { width: 64, height: 64 }, batch: 4, workers: 0, ...options });
}

/** An untrained teacher: it has features, masks and losses like any other. */
export function tinyTeacherSide(deviations = [0.5, 2]): TeacherSide {
  const teacher = new Teacher(new RetinaNet(tinyTeacher, { seed: 5 }), deviations);
  return { teacher, features: liveFeatures(teacher) };
}

export function promptState(side: TeacherSide, profile: PromptDesign['profile']): PromptState {
  return createPromptState(side.teacher.deviations.length, side.teacher.channels, frequencies[profile], 1);
}

/** Trains a new tiny student; the caller disposes it. */
export async function distil(
  folder: string,
  distillation: Distillation,
  { side, steps = 10, ...run }: Run & { side?: TeacherSide; steps?: number } = {},
): Promise<{ student: RetinaNet; result: TrainResult; folder: string }> {
  const student = new RetinaNet(tinyStudent, { seed: 2 });
  const options = { folder: temporary(), config: { distillation, steps }, checkpointEvery: 0, ...run };
  const loader = pictures(folder, { shuffle: true, flip: 0.5, seed: 3 });
  const schedule = { kind: 'cosine' as const, base: 2e-3, steps, warmup: { steps: 3, ratio: 0.1 } };
  const setup = {
    detector: student,
    loader,
    batchSize: 4,
    schedule,
    optimizer: { kind: 'adamw' as const, weightDecay: 0.05 },
    clip: 10,
    distillation,
    side,
    seed: 2,
  };
  try {
    return { student, result: await trainDetector(setup, options), folder: options.folder };
  } catch (error) {
    student.dispose();
    throw error;
  } finally {
    await loader.close();
  }
}

/** Of a profile: all but `paper` know one similarity and one set of pairs. */
export const tuningOf = ({ profile }: PromptState): PromptTuning =>
  profile === 'paper' ? tuning : { ...tuning, similarity: 'dice', pairs: 'distinct' };

/** Runs stage 1 on `state`. */
export async function tune(
  folder: string,
  side: TeacherSide,
  state: PromptState,
  { loader, tuning: own = tuningOf(state), ...run }: Run & { loader?: Loader; tuning?: PromptTuning } = {},
): Promise<TrainResult> {
  const { teacher, features } = side;
  const source = loader ?? pictures(folder, { shuffle: true, flip: 0.5, seed: 4 });
  try {
    return await tunePrompt(
      { teacher, features, state, loader: source, tuning: own, batchSize: 4 },
      { folder: temporary(), config: {}, checkpointEvery: 0, ...run },
    );
  } finally {
    await source.close();
  }
}
