/**
 * Ten steps of the paper's FCOS row, profile `released`, at the published size of the networks and a
 * small size of pictures, against plain PyTorch (test/golden/fcos_steps.py): every part of the loss
 * at every step, and the change of every parameter over all of them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { inheritNeckAndHead, trainDetector } from '../../lib/dist/distill/distill-student';
import { liveFeatures } from '../../lib/dist/distill/feature-cache';
import { createProjections } from '../../lib/dist/distill/projection';
import { Teacher } from '../../lib/dist/distill/teacher';
import { fcosR101R50Coco as row } from '../../lib/dist/experiments/rows/fcos-r101-r50-coco';
import { readLog } from '../../lib/dist/train/log';
import { fill, publishedFcosNumbers, publishedNumbers } from '../detection/golden';
import { hold, measure, type Sketch } from '../detection/sketch';
import { goldenLoader, goldenPrompt, type GoldenRun } from './golden-run';
import { temporary } from './tiny';

type Losses = Record<'loss' | 'classification' | 'box' | 'centerness' | 'mse' | 'freekd', number>;
const golden = JSON.parse(readFileSync(path.join(__dirname, '../golden/fcos_steps.json'), 'utf8')) as GoldenRun & {
  /** The floor is how far float32 itself can be off. */
  losses: (Losses & { gradientNorm: number; rate: number; floor: number })[];
  changes: Record<string, Sketch>;
};
const close = (actual: number, expected: number, what: string, limit = 1e-4): void =>
  assert.ok(Math.abs(actual / expected - 1) < limit, `${what}: ${actual}, not ${expected}`);

test("ten steps of the paper's FCOS row change every parameter as PyTorch does", async (t) => {
  const [detector, student] = [createDetector(row.teacher.model), createDetector(row.student.model)];
  fill(detector, publishedFcosNumbers, 'teacher/');
  fill(student, publishedFcosNumbers);
  assert.equal(row.inherit, true);
  const inherited = inheritNeckAndHead(student, detector);
  const { channels } = student;
  const projections = createProjections(5, channels, channels, 0);
  const teacher = new Teacher(detector, [1, 1, 1, 1, 1]);
  const prompt = goldenPrompt(golden, channels, projections);

  const [n] = golden.size;
  const folder = temporary();
  const steps = golden.losses.length;
  const { learningRate: base, warmupSteps, warmupRatio, optimizer, clip } = row.student;
  await trainDetector(
    {
      detector: student,
      loader: goldenLoader(golden),
      batchSize: n,
      schedule: { base, steps, kind: 'constant', warmup: { steps: warmupSteps, ratio: warmupRatio! } },
      optimizer,
      clip,
      distillation: { released: row.weights.released },
      side: { teacher, features: liveFeatures(teacher), prompt },
      projections,
      seed: 0,
    },
    { folder, config: {}, checkpointEvery: 0 },
  );

  for (const { step, losses, gradientNorm, learningRate: rate } of readLog(folder)) {
    const { gradientNorm: norm, rate: expectedRate, floor, ...parts } = golden.losses[step];
    const limit = Math.max(1e-4, 2 * floor);
    assert.deepEqual(Object.keys(losses).sort(), Object.keys(parts).sort());
    for (const [part, value] of Object.entries(parts)) close(losses[part], value, `step ${step}, ${part}`, limit);
    close(gradientNorm!, norm, `step ${step}, norm of the gradients`, limit);
    close(rate, expectedRate, `step ${step}, rate`);
  }
  const trained = [...student.parameters.trainable(), ...projections.trainable()];
  assert.deepEqual(trained.map(({ name }) => name).sort(), Object.keys(golden.changes).sort());
  const changes = trained.map(({ name, shape, value }) => {
    const values = name.startsWith('phi.') ? publishedNumbers : publishedFcosNumbers;
    const start = values(inherited.includes(name) ? `teacher/${name}` : name, shape);
    const change = Float64Array.from(value.dataSync(), (v: number, i: number) => v - start[i]);
    return measure(name, change, golden.changes[name]);
  });
  hold(t, 'changes', changes, 1e-3);
  for (const net of [detector, student]) net.dispose();
  for (const store of [projections, prompt.parameters]) store.dispose();
});
