/**
 * Stage 2: the student learns its task and, on chosen pyramid levels, to imitate the teacher:
 *
 *   L_student = L_task + mu L_FreeKD   (method.md formula 5)
 *
 * Which losses there are is said in imitations/. A weight of 0 builds nothing: then the run is
 * plain training, bit for bit.
 */
import type { Parameters } from '../core/parameters';
import type { Batch } from '../data/types';
import type { Loader } from '../coco/loader';
import type { DetectionLosses, Detector, LossOptions } from '../detection/detector';
import { tf, type Tensor4D, type TensorContainer } from '../tf';
import { connect } from '../train/distributed/communicator';
import { train, type TrainOptions, type TrainResult } from '../train/loop';
import type { Schedule } from '../train/schedule';
import type { Selection } from '../train/selection';
import { checkShards, normalizersOf, sharedLosses } from '../train/shares';
import type { OptimizerConfig } from '../train/optimizer';
import type { TeacherFeatures } from './feature-cache';
import type { HeadReads, ImitationInput } from './imitations/imitation';
import { activeImitations, createImitations, type Distillation } from './imitations/index';
import type { PromptState } from './prompt-state';
import type { Teacher } from './teacher';
import { lossNormalizers, regionsIn, turnsOf, warnOfStatistics } from './turns';

/** What stage 2 takes from the teacher's side. */
export interface TeacherSide {
  teacher: Teacher;
  features: TeacherFeatures;
  /** Result of stage 1, where masks or channel weights take part. */
  prompt?: PromptState;
}

/**
 * Copies the teacher's neck and head, or the neck alone, into the student wherever name and shape
 * agree; returns the names.
 */
export function inheritNeckAndHead(student: Detector, teacher: Detector, what: true | 'neck' = true): string[] {
  const fits = (name: string, shape: number[]): boolean =>
    (what === 'neck' ? name.startsWith('neck.') : !name.startsWith('backbone.')) &&
    student.parameters.has(name) &&
    student.parameters.get(name).shape.join() === shape.join();
  const inherited = new Map([...teacher.parameters.read()].filter(([name, { shape }]) => fits(name, shape)));
  student.parameters.load(inherited, { strict: false });
  return [...inherited.keys()];
}

type RunOptions = Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep' | 'checkpointEvery'>;

export interface DetectorTraining {
  detector: Detector;
  /** Of a run of several ranks: this rank's part of every batch. */
  loader: Loader;
  /** Pictures a step, of all ranks together. */
  batchSize: number;
  /**
   * Into how many parts a batch (of one rank) is cut, to be learnt from in turns: with the memory of a
   * part, the outcome of the batch. Default 1.
   */
  accumulate?: number;
  schedule: Schedule;
  optimizer: OptimizerConfig;
  clip?: number;
  /** Decay of the moving average of the weights, which the run ends with. */
  average?: number;
  /** Looks at the weights on the way; the run ends with the best. */
  selection?: Selection;
  distillation: Distillation;
  /** Needed where any weight of `distillation` is above 0. */
  side?: TeacherSide;
  /** phi, trained in place; made from the seed if left out. */
  projections?: Parameters;
  seed: number;
}

type Imitated = Pick<ImitationInput, 'batch' | 'teacher' | 'teacherOutputs' | 'teacherRegression'>;

/** What is imitated in a batch. Nothing else of the teacher is left in memory. */
export function imitatedIn(
  batch: Batch,
  { readsHead, readsOutputs }: HeadReads,
  { teacher, features }: TeacherSide,
): Imitated {
  const { detector } = teacher;
  const imitated: Imitated = { batch, teacher: features(batch) };
  const readsRegression = readsHead && !detector.drawsRegions;
  if (!readsOutputs && !readsRegression) return imitated;
  tf.tidy(() => {
    const outputs = teacher.head(imitated.teacher);
    if (readsOutputs) imitated.teacherOutputs = outputs;
    if (readsRegression) imitated.teacherRegression = detector.regression(outputs);
    return [imitated.teacherOutputs, imitated.teacherRegression] as TensorContainer;
  });
  return imitated;
}

/**
 * The outputs of the student's head and the box regressions of both; the teacher's is known only
 * now where it is of regions that the student has drawn.
 */
export function headsOf(
  detector: Detector,
  outputs: unknown,
  { readsHead }: HeadReads,
  { teacher: pyramid, teacherOutputs, teacherRegression }: Imitated,
  teacher: Teacher,
): Pick<ImitationInput, 'outputs' | 'regression' | 'teacherRegression'> {
  if (!readsHead) return { outputs, regression: [] };
  const ofDrawn = (): Tensor4D[] => teacher.detector.regression(teacherOutputs ?? teacher.head(pyramid), outputs);
  return {
    outputs,
    regression: detector.regression(outputs),
    teacherRegression: teacherRegression ?? tf.tidy(ofDrawn),
  };
}

const dividedBy = (losses: DetectionLosses, shares: Record<string, number>): NonNullable<ImitationInput['task']> =>
  Object.fromEntries(
    Object.entries(losses).map(([name, { normalizer }]) => [name, { normalizer, share: shares[name] }]),
  );

/** Trains a detector in place: a teacher or a student alone, or stage 2 where something is imitated. */
export async function trainDetector(setup: DetectorTraining, run: RunOptions): Promise<TrainResult> {
  const { detector, loader, schedule, optimizer, clip, average, selection } = setup;
  const { batchSize, accumulate, distillation, side, seed } = setup;
  const asked = activeImitations(distillation);
  if (asked.length > 0 && !side) throw new Error('distillation needs a teacher');
  const world = await connect();
  checkShards(world, loader);
  const { projections } = setup;
  const imitations =
    side && asked.length > 0 ? createImitations(asked, { student: detector, ...side, projections, seed }) : undefined;
  if (world.rank === 0) warnOfStatistics(setup, world.size, imitations?.takeStatistics);
  const optionsOf = ({ origins }: Batch, step: number): LossOptions => ({ extents: origins, seed: `${seed}/${step}` });
  const headOptions = { training: true, keepAfter: imitations?.keepsAfter };
  const outputsOf = (pyramid: Tensor4D[]): unknown => detector.head(pyramid, headOptions);
  try {
    return await train<Batch>({
      ...run,
      stores: { student: detector.parameters, ...imitations?.parameters },
      schedule,
      optimizer,
      clip,
      average,
      selection,
      batchSize,
      batch: (step) => loader.batch(step),
      release: ({ images }) => images.dispose(),
      loss: (batch, step, share) => {
        // The teacher first: its maps are gone before those of the student, which gradients keep.
        const imitated = imitations && side && imitatedIn(batch, imitations, side);
        const pyramid = detector.pyramid(batch.images, true);
        const outputs = outputsOf(pyramid);
        const losses = detector.loss(outputs, batch.targets, optionsOf(batch, step));
        if (!imitated) return sharedLosses(losses, share(normalizersOf(losses)));
        const heads = headsOf(detector, outputs, imitations, imitated, side.teacher);
        const shares = share({ ...normalizersOf(losses), ...regionsIn(detector, heads.regression) });
        const task = dividedBy(losses, shares);
        const input = { ...imitated, ...heads, regressionShare: shares.regions, task, step, student: pyramid };
        return { ...sharedLosses(losses, shares), ...imitations.losses(input, ['loss', ...Object.keys(task)]) };
      },
      turns: turnsOf(accumulate, (batch, step) =>
        lossNormalizers(detector, batch, optionsOf(batch, step), () => outputsOf(detector.pyramid(batch.images, true))),
      ),
    });
  } finally {
    imitations?.dispose();
  }
}

/** The former name of `trainDetector`. */
export function trainStudent(
  { student, ...setup }: Omit<DetectorTraining, 'detector'> & { student: Detector },
  run: RunOptions,
): Promise<TrainResult> {
  return trainDetector({ detector: student, ...setup }, run);
}
