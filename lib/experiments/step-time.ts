/**
 * What a training step costs on this machine, in time and memory: a few steps of the real training,
 * on pictures of noise and networks fresh from a seed, whose outcome is thrown away.
 */
import type { Loader } from '../coco/loader';
import { createDetector } from '../detection/families';
import { trainDetector, type TeacherSide } from '../distill/distill-student';
import type { Distillation } from '../distill/imitations/index';
import { liveFeatures, type TeacherFeatures } from '../distill/feature-cache';
import { Teacher } from '../distill/teacher';
import { createPromptState } from '../distill/prompt-state';
import { tunePrompt } from '../distill/tune-prompt';
import { tf, type Tensor4D } from '../tf';
import { world } from '../train/distributed/communicator';
import type { TrainResult } from '../train/loop';
import type { PromptName } from '../runs/variants';
import { hasFixedInputs, type Experiment, type TrainingConfig } from './experiment';

/** The first step is slower than the others: the median of three is another one's. */
const STEPS = 3;
/** Pictures of a step that is measured; a step of more takes as much longer. */
const MOST_PICTURES = { fixed: 8, large: 1 };

/** What a step of a rank's share of a batch costs. */
export interface MeasuredStep {
  milliseconds: number;
  /** Bytes of tensors that are there before a step: weights, of a teacher too. */
  resident: number;
  /** Bytes of tensors that a step adds at its peak, a picture. */
  perPicture: number;
}

/** A step of plain training. */
async function training(experiment: Experiment, config: TrainingConfig, folder: string): Promise<MeasuredStep> {
  const detector = createDetector(config.model, { seed: 0 });
  try {
    return await measured(experiment, config, (loader) =>
      trainDetector({ ...settings(config, loader), detector, distillation: {} }, { ...run, folder }),
    );
  } finally {
    detector.dispose();
  }
}

/** A step of stage 1. */
async function prompt(experiment: Experiment, name: PromptName, folder: string): Promise<MeasuredStep> {
  return withTeacher(experiment, async ({ teacher, features }) => {
    const { frequency, tuning } = experiment.prompt[name];
    const state = createPromptState(teacher.deviations.length, teacher.channels, frequency, 0);
    try {
      return await measured(experiment, experiment.student, (loader) => {
        const { batchSize } = settings(experiment.student, loader);
        const few = { ...tuning, steps: STEPS };
        return tunePrompt({ teacher, features, state, loader, tuning: few, batchSize }, { ...run, folder });
      });
    } finally {
      state.parameters.dispose();
    }
  });
}

/** A step of a student that imitates. */
async function student(
  experiment: Experiment,
  { distillation, prompt: name }: { distillation: Distillation; prompt?: PromptName },
  folder: string,
): Promise<MeasuredStep> {
  const { student: config } = experiment;
  if (Object.keys(distillation).length === 0) return training(experiment, config, folder);
  return withTeacher(experiment, async (side) => {
    const { teacher } = side;
    const [levels, { channels }] = [teacher.deviations.length, teacher];
    const prompt = name && createPromptState(levels, channels, experiment.prompt[name].frequency, 0);
    const detector = createDetector(config.model, { seed: 0 });
    try {
      return await measured(experiment, config, (loader) => {
        const setup = { ...settings(config, loader), detector, distillation };
        return trainDetector({ ...setup, side: { ...side, prompt } }, { ...run, folder });
      });
    } finally {
      detector.dispose();
      prompt?.parameters.dispose();
    }
  });
}

export const measureSteps = { training, prompt, student };

const run = { config: {}, checkpointEvery: 0 };

function settings({ optimizer, clip }: TrainingConfig, loader: Loader) {
  const schedule = { kind: 'cosine' as const, base: 1e-6, steps: STEPS };
  return { loader, optimizer, clip, schedule, seed: 0, batchSize: loader.length * world().size };
}

/** A teacher fresh from a seed; its features cost a forward pass only where a run caches none. */
async function withTeacher<T>(experiment: Experiment, body: (side: TeacherSide) => Promise<T>): Promise<T> {
  const detector = createDetector(experiment.teacher.model, { seed: 0 });
  const teacher = new Teacher(
    detector,
    detector.strides.map(() => 1),
  );
  const noise: TeacherFeatures = ({ images: { shape } }) =>
    detector.strides.map((stride) => {
      const [height, width] = [shape[1], shape[2]].map((side) => Math.ceil(side / stride));
      return tf.randomNormal([shape[0], height, width, teacher.channels]) as Tensor4D;
    });
  const features = hasFixedInputs(experiment) ? noise : liveFeatures(teacher);
  try {
    return await body({ teacher, features });
  } finally {
    detector.dispose();
  }
}

/** Measures with as many pictures of noise as fit, each with one object, and scales to the batch. */
async function measured(
  { size }: Experiment,
  { batch }: TrainingConfig,
  body: (loader: Loader) => Promise<TrainResult>,
): Promise<MeasuredStep> {
  const [width, height] = 'width' in size ? [size.width, size.height] : [size.longSide, size.shortSide];
  const mine = Math.ceil(batch / world().size);
  const pictures = Math.min(mine, 'width' in size ? MOST_PICTURES.fixed : MOST_PICTURES.large);
  const target = { boxes: Float32Array.of(width / 4, height / 4, width / 2, height / 2), labels: Int32Array.of(0) };
  const origin = { inputWidth: width, inputHeight: height, width, height, scaleX: 1, scaleY: 1, flipped: false };
  const indices = Array.from({ length: pictures }, (_, i) => i);
  const { rank, size: ranks } = world();
  const loader: Loader = {
    length: pictures,
    batchesPerEpoch: STEPS,
    shard: { rank, size: ranks },
    batch: async () => ({
      images: tf.randomNormal([pictures, Math.ceil(height / 32) * 32, Math.ceil(width / 32) * 32, 3]) as Tensor4D,
      targets: indices.map(() => target),
      origins: indices.map((id) => ({ id, ...origin })),
    }),
    order: () => indices,
    close: async () => undefined,
  };
  const resident = tf.memory().numBytes;
  let milliseconds = 0;
  const { peakBytes } = await tf.profile(async () => {
    milliseconds = ((await body(loader)).millisecondsPerStep * mine) / pictures;
    return {};
  });
  return { milliseconds, resident, perPicture: (peakBytes - resident) / pictures };
}
