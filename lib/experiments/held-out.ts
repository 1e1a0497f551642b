/**
 * A part of the training pictures that the teacher is not trained on: its best weights are chosen
 * there, its training ends where they get no better, and they show whether it has learned its
 * pictures by heart. The validation pictures take no part in that.
 */
import { splitAside, type CocoDataset } from '../coco/dataset';
import type { Best, Selection } from '../train/selection';

export interface HeldOut {
  /** Of the training pictures. */
  share: number;
  /** How often the weights are scored on them, at equal distances. */
  looks: number;
  /** Looks without a better AP after which training ends. */
  patience: number;
}

/** The standard for a folder of one's own, where a tenth of its pictures and more are some. */
export const standardHeldOut: HeldOut = { share: 0.15, looks: 15, patience: 5 };
export const FEWEST_PICTURES = 40;

/** What is known of a teacher by its held-out pictures. */
export interface HeldOutReport {
  pictures: number;
  /** Steps that its weights have been trained for, and steps that were taken. */
  step: number;
  steps: number;
  /** On the held-out pictures, in percent. */
  AP: number;
  /**
   * Its own loss on the held-out pictures, and on as many that it was trained on; neither
   * augmented.
   */
  loss: number;
  trainingLoss: number;
}

/** The same pictures in every run: drawn by their number, with a seed of their own. */
export function holdOut(dataset: CocoDataset, { share }: HeldOut): Record<'rest' | 'heldOut', CocoDataset> {
  const { kept, aside } = splitAside(dataset, share, 'held-out');
  return { rest: kept, heldOut: aside };
}

/** When a training of `steps` steps looks at them. */
export function looksOf({ looks, patience }: HeldOut, steps: number): Pick<Selection, 'every' | 'patience'> {
  return { every: Math.max(1, Math.ceil(steps / looks)), patience };
}

/** How many times larger the loss on held-out pictures is where a teacher has learned by heart. */
const BY_HEART = 3;

export const isMemorised = ({ loss, trainingLoss }: HeldOutReport): boolean => loss > BY_HEART * trainingLoss;

export function reportOf(
  { step, score }: Best,
  steps: number,
  measured: Pick<HeldOutReport, 'pictures' | 'loss' | 'trainingLoss'>,
): HeldOutReport {
  return { step, steps, AP: score < 0 ? -1 : 100 * score, ...measured };
}

/** What a run says of it. */
export function heldOutSentence({ pictures, step, steps, AP }: HeldOutReport, planned: number): string {
  const early = steps < planned ? `; ended after step ${steps} of ${planned}, for nothing got better` : '';
  return `teacher: best on ${pictures} held-out training pictures after step ${step}, ${AP.toFixed(1)} AP${early}`;
}

/** What a run says of a teacher that has learned its pictures by heart. */
export function memorisedSentence({ loss, trainingLoss }: HeldOutReport, tunedOn: string): string {
  return (
    `teacher: has learned its pictures by heart (loss ${trainingLoss.toFixed(3)} on them, ${loss.toFixed(3)} on ` +
    `held-out ones), so that they can teach a prompt nothing: it is tuned on ${tunedOn}`
  );
}
