/** What a loss costs beside the student's own training (`npm run reproduce -- --costs`). */
import type { Variant } from './variants';

export interface StepCost {
  variant: Variant;
  title: string;
  /** Numbers that are trained beside the student's, phi included. */
  learned: number;
  /** Numbers that stage 1 tunes. */
  tuned: number;
  millisecondsPerStep: number;
  /** What the steps add to the process at their peak; null where the system does not tell. */
  peakBytes: number | null;
}
