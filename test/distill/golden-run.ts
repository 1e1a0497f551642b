/** What the ten golden steps of a paper's row train on: the golden's objects, pictures made from names. */
import type { Loader } from '../../lib/dist/coco/loader';
import type { Parameters } from '../../lib/dist/core/parameters';
import { createPromptState, type PromptState } from '../../lib/dist/distill/prompt-state';
import { tf } from '../../lib/dist/tf';
import { fill, numbers, targetsOf } from '../detection/golden';

export interface GoldenRun {
  /** Pictures a step, height, width. */
  size: [number, number, number];
  /** Of profile `released`. */
  tokens: number;
  /** Of each step. */
  targets: { boxes: number[]; labels: number[] }[][];
}

/** A loader of the golden's batches, each once. */
export function goldenLoader({ size: [n, height, width], targets }: GoldenRun): Loader {
  const origin = { id: 1, width, height, scaleX: 1, scaleY: 1, flipped: false, inputWidth: width, inputHeight: height };
  return {
    length: n * targets.length,
    batchesPerEpoch: targets.length,
    shard: { rank: 0, size: 1 },
    batch: (step) =>
      Promise.resolve({
        images: tf.tensor4d(numbers(`steps/images${step}`, n * height * width * 3, -2, 2), [n, height, width, 3]),
        targets: targetsOf({ targets: targets[step] }),
        origins: Array.from({ length: n }, () => origin),
      }),
    order: () => [],
    close: () => Promise.resolve(),
  };
}

/** The prompt of profile `released` for five levels, and the numbers of phi. */
export function goldenPrompt({ tokens }: GoldenRun, channels: number, projections: Parameters): PromptState {
  const prompt = createPromptState(5, channels, { profile: 'released', tokens }, 0);
  fill({ parameters: projections });
  fill({ parameters: prompt.parameters }, (name, shape) =>
    numbers(name.replace('prompts.', ''), shape[0] * shape[1] * shape[2], -0.1, 0.1),
  );
  return prompt;
}
