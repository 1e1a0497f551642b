/**
 * A distillation loss: what a student's training adds to its task so that the student imitates the
 * teacher. Each is a file beside this one, and owns its weights, its parameters (phi) and what it
 * needs of stage 1; `index.ts` lists them.
 */
import type { Batch } from '../../data/types';
import type { Detector } from '../../detection/detector';
import type { Parameters } from '../../core/parameters';
import type { Tensor4D } from '../../tf';
import type { LossParts } from '../../train/loop';
import { createProjections, project } from '../projection';
import type { Teacher } from '../teacher';
import type { PromptState } from '../tune-prompt';

/** What a loss is made of, once a run. */
export interface ImitationContext {
  student: Pick<Detector, 'channels'>;
  teacher: Teacher;
  /** Result of stage 1, where there was one. */
  prompt?: PromptState;
  /** phi; made from the seed if left out. */
  projections?: Parameters;
  seed: number;
}

/** What a loss sees of a step. */
export interface ImitationInput {
  batch: Batch;
  /** Of the run; seeds what a loss draws at random, so that a resumed run draws the same. */
  step: number;
  /** The teacher's pyramid, divided by its deviations: a constant. */
  teacher: Tensor4D[];
  /** The student's own pyramid, not projected. */
  student: Tensor4D[];
  /** The box regression of the student's head, by level. */
  regression: Tensor4D[];
  /** The same of the teacher's head on its pyramid, where a loss `readsHead`. */
  teacherRegression?: Tensor4D[];
}

export interface Imitation {
  /** Trained beside the student, and saved with it. */
  parameters?: Parameters;
  /** Whether it imitates the teacher's head, which runs only then. */
  readsHead?: boolean;
  losses(input: ImitationInput): LossParts;
  /** Frees what it made. */
  dispose(): void;
}

/** One way to imitate, with settings of its own. */
export interface ImitationKind<Settings> {
  /** Its weights by name, each a number >= 0; where all are 0 it is not built. */
  weights(settings: Settings): Record<string, number>;
  /** @throws where stage 1 has not made what it needs */
  create(settings: Settings, context: ImitationContext): Imitation;
}

/** A loss on the projected pyramid: phi with it, and the student's maps after it. */
export function projected(
  { student, teacher, projections, seed }: ImitationContext,
  losses: (input: ImitationInput, imitated: Tensor4D[]) => LossParts,
): Imitation {
  const parameters =
    projections ?? createProjections(teacher.deviations.length, student.channels, teacher.channels, seed);
  return {
    parameters,
    losses: (input) => losses(input, project(parameters, input.student)),
    dispose: () => void (projections ?? parameters.dispose()),
  };
}

/** What should have been made before. */
export function needed<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new Error(otherwise);
  return value;
}
