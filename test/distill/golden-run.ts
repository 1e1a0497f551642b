/**
 * Ten golden steps of a paper's row, profile `released`, at the published size of the networks and a
 * small size of pictures (test/golden/ten_steps.py): trained here, on the golden's objects and on
 * pictures made from names, and held to plain PyTorch.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Loader } from '../../lib/dist/coco/loader';
import type { Parameters } from '../../lib/dist/core/parameters';
import type { Detector } from '../../lib/dist/detection/detector';
import { inheritNeckAndHead, trainDetector } from '../../lib/dist/distill/distill-student';
import { liveFeatures } from '../../lib/dist/distill/feature-cache';
import { createProjections } from '../../lib/dist/distill/projection';
import { createPromptState, type PromptState } from '../../lib/dist/distill/prompt-state';
import { Teacher } from '../../lib/dist/distill/teacher';
import type { Experiment } from '../../lib/dist/experiments/experiment';
import { tf } from '../../lib/dist/tf';
import { readLog } from '../../lib/dist/train/log';
import { fill, numbers, publishedNumbers, targetsOf } from '../detection/golden';
import { hold, measure, type Sketch } from '../detection/sketch';
import { temporary } from './tiny';

interface GoldenRun {
  /** Pictures a step, height, width. */
  size: [number, number, number];
  /** Of profile `released`. */
  tokens: number;
  /** Of each step: the name of its pictures, and their objects. */
  images: string[];
  targets: { boxes: number[]; labels: number[] }[][];
  /**
   * Of each step by part, with the norm of the gradients where they are clipped; the floor is how far
   * float32 itself can be off.
   */
  losses: (Record<string, number> & { rate: number; floor: number })[];
  /** Of every parameter over all steps. */
  changes: Record<string, Sketch>;
}

/** A loader of the golden's batches, each once. */
function goldenLoader({ size: [n, height, width], images, targets }: GoldenRun): Loader {
  const origin = { id: 1, width, height, scaleX: 1, scaleY: 1, flipped: false, inputWidth: width, inputHeight: height };
  return {
    length: n * targets.length,
    batchesPerEpoch: targets.length,
    shard: { rank: 0, size: 1 },
    batch: (step) =>
      Promise.resolve({
        images: tf.tensor4d(numbers(images[step], n * height * width * 3, -2, 2), [n, height, width, 3]),
        targets: targetsOf({ targets: targets[step] }),
        origins: Array.from({ length: n }, () => origin),
      }),
    order: () => [],
    close: () => Promise.resolve(),
  };
}

/** The prompt of profile `released`. */
function goldenPrompt({ tokens }: GoldenRun, { strides, channels }: Detector): PromptState {
  const prompt = createPromptState(strides.length, channels, { profile: 'released', tokens }, 0);
  fill({ parameters: prompt.parameters }, (name, shape) =>
    numbers(name.replace('prompts.', ''), shape[0] * shape[1] * shape[2], -0.1, 0.1),
  );
  return prompt;
}

/** Every trained parameter, by name. */
const valuesOf = (stores: Parameters[]): Map<string, Float32Array> =>
  new Map(stores.flatMap((store) => store.trainable()).map(({ name, variable }) => [name, variable.read()]));

/**
 * Trains `student` as the row says, ten steps: every part of the loss at every step, and the change
 * of every parameter over all of them, are those of test/golden/NAME.json. Disposes both detectors.
 * @param accumulate into how many parts each batch is cut
 */
export async function holdTenSteps(
  t: TestContext,
  name: string,
  row: Experiment,
  { teacher: detector, student, accumulate }: { teacher: Detector; student: Detector; accumulate?: number },
): Promise<void> {
  const file = path.join(__dirname, `../golden/${name}.json`);
  const golden = JSON.parse(readFileSync(file, 'utf8')) as GoldenRun;
  if (row.inherit) inheritNeckAndHead(student, detector, row.inherit);
  const { strides, channels } = student;
  const projections = createProjections(strides.length, channels, detector.channels, 0);
  fill({ parameters: projections }, publishedNumbers);
  const teacher = new Teacher(detector, strides.map(() => 1));
  const prompt = goldenPrompt(golden, detector);
  const before = valuesOf([student.parameters, projections]);

  const folder = temporary();
  const steps = golden.losses.length;
  const { learningRate: base, warmupSteps, warmupRatio: ratio = 0.001, optimizer, clip } = row.student;
  await trainDetector(
    {
      detector: student,
      loader: goldenLoader(golden),
      batchSize: golden.size[0],
      accumulate,
      schedule: { base, steps, kind: 'constant', warmup: { steps: warmupSteps, ratio } },
      optimizer,
      clip,
      distillation: { released: row.weights.released },
      side: { teacher, features: liveFeatures(teacher), prompt },
      projections,
      seed: 0,
    },
    { folder, config: {}, checkpointEvery: 0 },
  );

  const log = readLog(folder);
  assert.equal(log.length, steps);
  for (const { step, losses, gradientNorm, learningRate } of log) {
    const { floor, ...expected } = golden.losses[step];
    const norm = gradientNorm === undefined ? undefined : { gradientNorm };
    const own: Record<string, number> = { ...losses, ...norm, rate: learningRate };
    assert.deepEqual(Object.keys(own).sort(), Object.keys(expected).sort());
    for (const [part, value] of Object.entries(expected))
      assert.ok(
        Math.abs(own[part] / value - 1) < Math.max(1e-4, 2 * floor),
        `step ${step}, ${part}: ${own[part]}, not ${value}`,
      );
  }
  const after = valuesOf([student.parameters, projections]);
  assert.deepEqual([...after.keys()].sort(), Object.keys(golden.changes).sort());
  const changes = [...after].map(([parameter, values]) => {
    const start = before.get(parameter)!;
    return measure(parameter, Float64Array.from(values, (v, i) => v - start[i]), golden.changes[parameter]);
  });
  hold(t, 'changes', changes, 1e-3);
  for (const net of [detector, student]) net.dispose();
  for (const store of [projections, prompt.parameters]) store.dispose();
}
