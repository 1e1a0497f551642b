/**
 * Ten steps of the authors' RetinaNet R101 -> R50 run, profile `released`, at the published size of
 * the networks and a small size of pictures, against plain PyTorch
 * (test/golden/distillation_steps.py): every part of the loss at every step, and the change of
 * every parameter over all of them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { retinaNetR101, retinaNetR50 } from '../../lib/dist/detection/retinanet/presets';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { trainStudent } from '../../lib/dist/distill/distill-student';
import { createProjections } from '../../lib/dist/distill/projection';
import { liveFeatures } from '../../lib/dist/distill/feature-cache';
import { Teacher } from '../../lib/dist/distill/teacher';
import { released } from '../../lib/dist/freekd/profiles';
import { readLog } from '../../lib/dist/train/log';
import { fill, publishedNumbers } from '../detection/golden';
import { hold, measure, type Sketch } from '../detection/sketch';
import { goldenLoader, goldenPrompt, type GoldenRun } from './golden-run';
import { temporary } from './tiny';

type Losses = Record<'loss' | 'classification' | 'box' | 'mse' | 'freekd' | 'regression', number>;
const file = path.join(__dirname, '../golden/distillation_steps.json');
const golden = JSON.parse(readFileSync(file, 'utf8')) as GoldenRun & {
  losses: (Losses & { gradientNorm: number; rate: number })[];
  changes: Record<string, Sketch>;
};
const close = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual / expected - 1) < 1e-4, `${what}: ${actual}, not ${expected}`);

test('ten steps of distillation change every parameter as PyTorch does', async (t) => {
  const [detector, student] = [new RetinaNet(retinaNetR101), new RetinaNet(retinaNetR50)];
  fill(detector, publishedNumbers, 'teacher/');
  fill(student, publishedNumbers);
  const { channels } = student.config.neck;
  const projections = createProjections(5, channels, channels, 0);
  const teacher = new Teacher(detector, [1, 1, 1, 1, 1]);
  const prompt = goldenPrompt(golden, channels, projections);

  const [n] = golden.size;
  const { momentum, weightDecay, clipNorm: clip, warmupSteps, warmupRatio, learningRate } = released.stage2;
  const folder = temporary();
  const steps = golden.losses.length;
  await trainStudent(
    {
      student,
      loader: goldenLoader(golden),
      batchSize: n,
      schedule: { base: learningRate, steps, kind: 'constant', warmup: { steps: warmupSteps, ratio: warmupRatio } },
      optimizer: { kind: 'sgd', momentum, weightDecay, decayed: 'all' },
      clip,
      distillation: {
        released: {
          frequency: released.loss.freekd,
          mse: released.loss.featureMSE,
          regression: released.loss.regression,
        },
      },
      side: { teacher, features: liveFeatures(teacher), prompt },
      projections,
      seed: 0,
    },
    { folder, config: {}, checkpointEvery: 0 },
  );

  for (const { step, losses, gradientNorm, learningRate: rate } of readLog(folder)) {
    const { gradientNorm: norm, rate: expectedRate, ...parts } = golden.losses[step];
    assert.deepEqual(Object.keys(losses).sort(), Object.keys(parts).sort());
    for (const [part, value] of Object.entries(parts)) close(losses[part], value, `step ${step}, ${part}`);
    close(gradientNorm!, norm, `step ${step}, norm of the gradients`);
    close(rate, expectedRate, `step ${step}, rate`);
  }
  const trained = [...student.parameters.trainable(), ...projections.trainable()];
  assert.deepEqual(trained.map(({ name }) => name).sort(), Object.keys(golden.changes).sort());
  const changes = trained.map(({ name, shape, value }) => {
    const start = publishedNumbers(name, shape);
    return measure(
      name,
      Float64Array.from(value.dataSync(), (v: number, i: number) => v - start[i]),
      golden.changes[name],
    );
  });
  hold(t, 'changes', changes, 1e-3);
  for (const net of [detector, student]) net.dispose();
  for (const store of [projections, prompt.parameters]) store.dispose();
});
