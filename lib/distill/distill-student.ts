/**
 * Stage 2: the student learns its task and, on chosen pyramid levels, to imitate the teacher:
 *
 *   L_student = L_task + mu L_FreeKD   (method.md formula 5)
 *
 * The feature MSE beside it is the control every claim is measured against. A weight of 0 builds
 * nothing: then the run is plain training, bit for bit.
 */
import { featureMSE, headSmoothL1 } from '../freekd/feature-mse';
import { freekdLoss, type FreeKDLossInput } from '../freekd/freekd';
import { releasedFreeKDLoss } from '../freekd/released';
import { Parameters } from '../kernels/parameters';
import { Random } from '../kernels/random';
import { conv2d } from '../kernels/conv';
import type { Batch } from '../coco/types';
import type { Loader } from '../coco/loader';
import type { HeadOutput, RetinaNet } from '../detection/retinanet';
import type { Tensor1D, Tensor4D } from '../tf';
import { connect } from '../train/distributed/communicator';
import { checkShards, shareOf } from '../train/distributed/shares';
import { train, type LossParts, type TrainOptions, type TrainResult } from '../train/loop';
import type { Schedule } from '../train/schedule';
import type { OptimizerConfig } from '../train/optimizer';
import type { TeacherFeatures } from './feature-cache';
import type { Teacher } from './teacher';
import type { FrequencyState } from './tune-prompt';

/** Which losses a student gets beside its task, with their weights. */
export interface Distillation {
  /** Weight of the squared difference of the features: mean of each level, summed over levels. */
  mse?: number;
  /**
   * Profile `paper`: mu, and whether stage 1's masks (formula 2) and channel weights (formula 4)
   * take part.
   */
  freekd?: { mu: number; masks: boolean; relation: boolean } & Pick<
    FreeKDLossInput,
    'wavelet' | 'mode' | 'level' | 'bands' | 'reduction'
  >;
  /** Profile `released`: weights of its frequency loss, feature MSE and box regression parts. */
  released?: { frequency: number; mse: number; regression: number };
}

/** What stage 2 takes from the teacher's side. */
export interface TeacherSide {
  teacher: Teacher;
  features: TeacherFeatures;
  /** Result of stage 1, where masks or channel weights take part. */
  frequency?: FrequencyState;
}

/**
 * phi: a 1x1 convolution a pyramid level from the student's channels to the teacher's, started as
 * PyTorch's Conv2d.
 */
export function createProjections(levels: number, from: number, to: number, seed: number): Parameters {
  const parameters = new Parameters();
  const random = new Random(seed).fork('phi');
  const bound = 1 / Math.sqrt(from);
  const uniform = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.uniform(-bound, bound));
  for (let level = 0; level < levels; level++) {
    parameters.create(`phi.${level}.weight`, [1, 1, from, to], uniform(from * to));
    parameters.create(`phi.${level}.bias`, [to], uniform(to), 'bias');
  }
  return parameters;
}

/** phi(F^s) of every level. */
export function project(projections: Parameters, pyramid: Tensor4D[]): Tensor4D[] {
  return pyramid.map((map, level) =>
    conv2d(map, projections.get(`phi.${level}.weight`).value as Tensor4D, {
      bias: projections.get(`phi.${level}.bias`).value as Tensor1D,
    }),
  );
}

/**
 * The distillation losses of one batch: `imitated` is the projected student pyramid, `outputs` its
 * head's.
 */
export function distillationLoss(
  distillation: Distillation,
  side: TeacherSide,
  batch: Batch,
  imitated: Tensor4D[],
  outputs: HeadOutput[],
): LossParts {
  const { freekd, released } = distillation;
  const square = (distillation.mse ?? 0) + (released?.mse ?? 0);
  const target = side.features(batch);
  const parts: LossParts = {};
  if (square > 0) parts.mse = { value: featureMSE(target, imitated), weight: square };
  if (freekd && freekd.mu > 0) {
    const { mu, masks, relation, ...options } = freekd;
    const prompts = masks
      ? needed(side.frequency?.prompts, 'masks come from stage 1: tune the prompt first')
      : undefined;
    const relations = relation
      ? needed(side.frequency?.relations, 'channel weights come from stage 1: tune the prompt with its gate first')
      : undefined;
    parts.freekd = {
      value: freekdLoss({ teacher: target, student: imitated, prompts, relations, ...options }),
      weight: mu,
    };
  }
  if (released && released.frequency > 0) {
    const prompts = needed(
      side.frequency?.released,
      "profile 'released' has a stage 1 of its own: tune its prompt first",
    );
    const tokens = prompts.map((prompt) => prompt.tokens);
    parts.freekd = {
      value: releasedFreeKDLoss({ teacher: target, student: imitated, tokens }),
      weight: released.frequency,
    };
  }
  if (released && released.regression > 0) {
    const [own, given] = [outputs, side.teacher.head(target)].map((all) => all.map(({ deltas }) => deltas));
    parts.regression = { value: headSmoothL1(given, own), weight: released.regression };
  }
  return parts;
}

function needed<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new Error(otherwise);
  return value;
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

/**
 * True where nothing is imitated. Throws on a weight that is negative or not finite, and on both
 * profiles at once.
 */
function isPlain({ mse = 0, freekd, released }: Distillation): boolean {
  const parts = Object.entries(released ?? {}).map(([name, weight]) => [`released.${name}`, weight] as const);
  const weights = { mse, 'freekd.mu': freekd?.mu ?? 0, ...Object.fromEntries(parts) };
  for (const [name, weight] of Object.entries(weights))
    if (!(weight >= 0 && weight < Infinity))
      throw new Error(`distillation: the weight ${name} should be a number >= 0, is ${weight}`);
  if (freekd && released)
    throw new Error("distillation: freekd is profile 'paper', released is profile 'released': choose one");
  return Object.values(weights).every((weight) => weight === 0);
}

/** Runs stage 2 (or plain training, of a teacher too) on `student`, in place. */
export async function trainStudent(
  setup: StudentTraining,
  run: Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep' | 'checkpointEvery'>,
): Promise<TrainResult> {
  const { student, loader, schedule, optimizer, clip, batchSize, distillation, side, seed } = setup;
  const plain = isPlain(distillation);
  if (!plain && !side) throw new Error('distillation needs a teacher');
  const world = await connect();
  checkShards(world, loader);
  if (world.size > 1 && world.rank === 0 && student.config.backbone.norm === 'batch')
    process.emitWarning(
      `batch norm takes the statistics of each rank's own ${batchSize / world.size} pictures: ` +
        `the outcome is not that of one rank with a batch of ${batchSize}`,
    );
  const levels = side ? side.teacher.deviations.length : 0;
  const projections =
    plain || !side
      ? undefined
      : (setup.projections ?? createProjections(levels, student.config.neck.channels, side.teacher.channels, seed));
  try {
    return await train<Batch>({
      ...run,
      stores: { student: student.parameters, ...(projections && { projections }) },
      schedule,
      optimizer,
      clip,
      batchSize,
      batch: (step) => loader.batch(step),
      release: ({ images }) => images.dispose(),
      loss: (batch) => {
        const pyramid = student.pyramid(batch.images, true);
        const outputs = student.head(pyramid, true);
        const { classification, box, normalizer } = student.loss(outputs, batch.targets, { extents: batch.origins });
        const share = shareOf(world, normalizer);
        const task: LossParts = {
          classification: { value: classification, weight: 1, share },
          box: { value: box, weight: 1, share },
        };
        if (!projections || !side) return task;
        return { ...task, ...distillationLoss(distillation, side, batch, project(projections, pyramid), outputs) };
      },
    });
  } finally {
    if (!setup.projections) projections?.dispose();
  }
}
