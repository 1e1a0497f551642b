/** The same training with another batch or another length: how rate, steps and milestones follow. */
import { scaleLearningRate } from '../train/schedule';
import type { TrainingConfig } from './experiment';

/** With `steps` steps; the milestones keep their places in the run. */
export function withSteps(training: TrainingConfig, steps: number): TrainingConfig {
  const { milestones } = training;
  return {
    ...training,
    steps,
    ...(milestones && { milestones: milestones.map((at) => Math.round((at * steps) / training.steps)) }),
  };
}

/**
 * With `batch` pictures a step: the rate by the linear scaling rule (Goyal et al. 2017), as many
 * pictures in all, the warm-up's steps as they are.
 */
export function withBatch(training: TrainingConfig, batch: number): TrainingConfig {
  const scaled = withSteps(training, Math.round((training.steps * training.batch) / batch));
  return { ...scaled, batch, learningRate: scaleLearningRate(training.learningRate, training.batch, batch) };
}

/** What a run says about it. */
export function scalingSentence(from: TrainingConfig, to: TrainingConfig): string {
  return (
    `linear scaling: ${to.batch} pictures a step in place of ${from.batch}, learning rate ` +
    `${to.learningRate} in place of ${from.learningRate}, ${to.steps} steps in place of ${from.steps}`
  );
}
