/**
 * A distillation loss: what a student's training adds to its task so that the student imitates the
 * teacher. Each is a file beside this one, and owns its weights, its parameters (phi) and what it
 * needs of stage 1; `index.ts` lists them.
 */
import type { Batch } from '../../data/types';
import type { Detector } from '../../detection/detector';
import { Parameters } from '../../core/parameters';
import type { Tensor4D } from '../../tf';
import type { LossParts } from '../../train/step';
import { createProjections, project } from '../projection';
import type { PromptState } from '../prompt-state';
import type { Teacher } from '../teacher';

/** What a loss is made of, once a run. */
export interface ImitationContext {
  student: Detector;
  teacher: Teacher;
  /** Result of stage 1, where there was one. */
  prompt?: PromptState;
  /** phi; made from the seed if left out. */
  projections?: Parameters;
  seed: number;
}

/** What a loss sees of a step. */
export interface ImitationInput {
  /** With the true boxes, in pixels of the input: `batch.targets`. */
  batch: Batch;
  /** Of the run; seeds what a loss draws at random, so that a resumed run draws the same. */
  step: number;
  /** The teacher's pyramid, divided by its deviations: a constant. */
  teacher: Tensor4D[];
  /** The student's own pyramid, not projected. */
  student: Tensor4D[];
  /** What the student's head gave: a type of its detector's family. */
  outputs: unknown;
  /** The same of the teacher's head on its pyramid, constants, where a loss `readsOutputs`. */
  teacherOutputs?: unknown;
  /** The box regression of the student's head, by level, where a loss `readsHead`. */
  regression: Tensor4D[];
  /** The same of the teacher's head on its pyramid, constants, where a loss `readsHead`. */
  teacherRegression?: Tensor4D[];
  /** The `share` of a mean over both, where they are of regions, of which pictures have more or fewer. */
  regressionShare?: number;
  /** What the task's losses are divided by, and their `share`, by their names; in training. */
  task?: Record<string, { normalizer: number; share?: number }>;
}

/** What a loss asks of the heads. The teacher's runs only where it asks for that. */
export interface HeadReads {
  /** Whether it imitates the box regression. */
  readsHead?: boolean;
  /** Whether it imitates other outputs. */
  readsOutputs?: boolean;
  /** After how many convolutions of its towers the student's head keeps its maps, for `dense.from`. */
  keepsAfter?: number;
}

export interface Imitation extends HeadReads {
  /** Whether it takes statistics over the pictures of a batch, so that parts of one are not the same. */
  takesStatistics?: boolean;
  /** Trained beside the student, and saved with it. */
  parameters?: Parameters;
  losses(input: ImitationInput): LossParts;
  /** Frees what it made, if anything. */
  dispose?(): void;
}

/** One way to imitate, with settings of its own. */
export interface ImitationKind<Settings> {
  /** Its weights by name, each a number >= 0; where all are 0 it is not built. */
  weights(settings: Settings): Record<string, number>;
  /** @throws where stage 1 has not made what it needs */
  create(settings: Settings, context: ImitationContext): Imitation;
}

type Losses = (input: ImitationInput, imitated: Tensor4D[], parameters: Parameters) => LossParts;

/** A loss on the projected pyramid: phi with it, and the student's maps after it. */
export function projected({ projections, ...context }: ImitationContext, losses: Losses): Imitation {
  const parameters = projections ?? createPhi(context);
  return {
    parameters,
    losses: (input) => losses(input, project(parameters, input.student), parameters),
    dispose: () => void (projections ?? parameters.dispose()),
  };
}

/**
 * A loss with parts that are trained. It has phi only where the channels of student and teacher
 * differ, and in a store of its own, whatever projections were given.
 * @param learn adds what is trained to that store
 */
export function learning(
  context: ImitationContext,
  losses: Losses,
  learn: (parameters: Parameters) => void,
): Imitation {
  const projects = context.student.channels !== context.teacher.channels;
  const parameters = projects ? createPhi(context) : new Parameters();
  learn(parameters);
  return {
    parameters,
    losses: (input) => losses(input, projects ? project(parameters, input.student) : input.student, parameters),
    dispose: () => parameters.dispose(),
  };
}

function createPhi({ student, teacher, seed }: ImitationContext): Parameters {
  return createProjections(teacher.deviations.length, student.channels, teacher.channels, seed);
}

/** What should have been made before. */
export function needed<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new Error(otherwise);
  return value;
}
