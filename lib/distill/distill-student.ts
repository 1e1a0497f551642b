/**
 * Stage 2: the student learns its task and, on chosen pyramid levels, to imitate the teacher:
 *
 *   L_student = L_task + mu L_FreeKD   (method.md formula 5)
 *
 * Which losses there are is said in imitations/. A weight of 0 builds nothing: then the run is
 * plain training, bit for bit.
 */
import type { Parameters } from '../kernels/parameters';
import type { Batch } from '../coco/types';
import type { Loader } from '../coco/loader';
import type { RetinaNet } from '../detection/retinanet';
import { connect } from '../train/distributed/communicator';
import { checkShards, shareOf } from '../train/distributed/shares';
import { train, type LossParts, type TrainOptions, type TrainResult } from '../train/loop';
import type { Schedule } from '../train/schedule';
import type { OptimizerConfig } from '../train/optimizer';
import type { TeacherFeatures } from './feature-cache';
import { activeImitations, createImitations, type Distillation, type Imitations } from './imitations/index';
import type { ImitationInput } from './imitations/imitation';
import type { Teacher } from './teacher';
import type { FrequencyState } from './tune-prompt';

/** What stage 2 takes from the teacher's side. */
export interface TeacherSide {
  teacher: Teacher;
  features: TeacherFeatures;
  /** Result of stage 1, where masks or channel weights take part. */
  frequency?: FrequencyState;
}

/**
 * Copies the teacher's neck and head into the student wherever name and shape agree; returns the
 * names.
 */
export function inheritNeckAndHead(student: RetinaNet, teacher: RetinaNet): string[] {
  const fits = (name: string, shape: number[]): boolean =>
    /^(neck|bbox_head)\./.test(name) &&
    student.parameters.has(name) &&
    student.parameters.get(name).shape.join() === shape.join();
  const inherited = new Map([...teacher.parameters.read()].filter(([name, { shape }]) => fits(name, shape)));
  student.parameters.load(inherited, { strict: false });
  return [...inherited.keys()];
}

export interface StudentTraining {
  student: RetinaNet;
  /** Of a run of several ranks: this rank's part of every batch. */
  loader: Loader;
  /** Pictures a step, of all ranks together. */
  batchSize: number;
  schedule: Schedule;
  optimizer: OptimizerConfig;
  clip?: number;
  distillation: Distillation;
  /** Needed where any weight of `distillation` is above 0. */
  side?: TeacherSide;
  /** phi, trained in place; made from the seed if left out. */
  projections?: Parameters;
  seed: number;
}

/** The parts of a step's losses that come from the teacher. */
export function imitate(
  imitations: Imitations,
  { teacher, features }: TeacherSide,
  seen: Pick<ImitationInput, 'batch' | 'step' | 'student' | 'outputs'>,
): LossParts {
  const pyramid = features(seen.batch);
  return imitations.losses({ ...seen, teacher: pyramid, teacherOutputs: () => teacher.head(pyramid) });
}

/** Runs stage 2 (or plain training, of a teacher too) on `student`, in place. */
export async function trainStudent(
  setup: StudentTraining,
  run: Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep' | 'checkpointEvery'>,
): Promise<TrainResult> {
  const { student, loader, schedule, optimizer, clip, batchSize, distillation, side, seed } = setup;
  const asked = activeImitations(distillation);
  if (asked.length > 0 && !side) throw new Error('distillation needs a teacher');
  const world = await connect();
  checkShards(world, loader);
  if (world.size > 1 && world.rank === 0 && student.config.backbone.norm === 'batch')
    process.emitWarning(
      `batch norm takes the statistics of each rank's own ${batchSize / world.size} pictures: ` +
        `the outcome is not that of one rank with a batch of ${batchSize}`,
    );
  const imitations = side && createImitations(asked, { student, ...side, projections: setup.projections, seed });
  try {
    return await train<Batch>({
      ...run,
      stores: { student: student.parameters, ...imitations?.parameters },
      schedule,
      optimizer,
      clip,
      batchSize,
      batch: (step) => loader.batch(step),
      release: ({ images }) => images.dispose(),
      loss: (batch, step) => {
        const pyramid = student.pyramid(batch.images, true);
        const outputs = student.head(pyramid, true);
        const { classification, box, normalizer } = student.loss(outputs, batch.targets, { extents: batch.origins });
        const share = shareOf(world, normalizer);
        const task: LossParts = {
          classification: { value: classification, weight: 1, share },
          box: { value: box, weight: 1, share },
        };
        if (!side || !imitations || asked.length === 0) return task;
        return { ...task, ...imitate(imitations, side, { batch, step, student: pyramid, outputs }) };
      },
    });
  } finally {
    imitations?.dispose();
  }
}
