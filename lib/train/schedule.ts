/**
 * Learning-rate schedules as plain data: `learningRate(schedule, step)` is a pure function, so a
 * resumed run needs nothing but its step number.
 */

export interface Schedule {
  /** Peak learning rate, reached after the warm-up. */
  base: number;
  /** Number of steps of the whole run. */
  steps: number;
  /**
   * `cosine` falls to `minimum` along half a cosine, `step` multiplies by `gamma` at each
   * milestone.
   */
  kind: 'constant' | 'cosine' | 'step';
  /**
   * Linear warm-up: from `ratio * base` at step 0 to `base` at step `steps` (mmdet's `linear`
   * policy).
   */
  warmup?: { steps: number; ratio: number };
  /** Steps at which `step` decays. */
  milestones?: number[];
  /** Factor of one decay, 0.1 by default. */
  gamma?: number;
  /** Last value of `cosine`, 0 by default. */
  minimum?: number;
}

/**
 * Learning rate of step `step`, counted from 0.
 * @throws RangeError for a step outside the run.
 */
export function learningRate(schedule: Schedule, step: number): number {
  const { base, steps, kind, warmup, milestones = [], gamma = 0.1, minimum = 0 } = schedule;
  if (!(step >= 0 && step < steps)) throw new RangeError(`step ${step} is outside this schedule of ${steps} steps`);
  let rate = base;
  if (kind === 'cosine') rate = minimum + ((base - minimum) * (1 + Math.cos((Math.PI * step) / steps))) / 2;
  if (kind === 'step') rate = base * gamma ** milestones.filter((milestone) => step >= milestone).length;
  if (warmup && step < warmup.steps) rate *= 1 - (1 - step / warmup.steps) * (1 - warmup.ratio);
  return rate;
}

/**
 * The linear scaling rule (Goyal et al. 2017): a rate tuned for `referenceBatch` pictures a step,
 * for `batch`.
 */
export function scaleLearningRate(rate: number, referenceBatch: number, batch: number): number {
  return (rate * batch) / referenceBatch;
}
