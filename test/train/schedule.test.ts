/** Learning rates against PyTorch's schedulers and closed forms. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { learningRate, scaleLearningRate, type Schedule } from '../../lib/dist/train/schedule';

type Rates = 'cosine' | 'cosineWarm' | 'step' | 'stepWarm' | 'constantWarm';
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/schedule.json'), 'utf8')) as {
  steps: number;
  warmup: { steps: number; ratio: number };
} & Record<Rates, number[]>;
const { steps, warmup } = golden;

const schedules: Record<Rates, Schedule> = {
  cosine: { kind: 'cosine', base: 0.01, minimum: 1e-6, steps },
  cosineWarm: { kind: 'cosine', base: 0.02, steps, warmup },
  step: { kind: 'step', base: 0.02, steps, milestones: [16, 22] },
  stepWarm: { kind: 'step', base: 0.02, steps, milestones: [3, 16], gamma: 0.5, warmup },
  constantWarm: { kind: 'constant', base: 0.02, steps, warmup },
};

describe('learningRate', () => {
  for (const [name, schedule] of Object.entries(schedules) as [Rates, Schedule][])
    it(`of ${name} equals PyTorch's at every step`, () => {
      golden[name].forEach((expected, step) => {
        const rate = learningRate(schedule, step);
        assert.ok(Math.abs(rate - expected) < 1e-8 * expected + 1e-12, `step ${step}: ${rate}, PyTorch ${expected}`);
      });
    });

  it('starts at ratio * base, reaches base after the warm-up and halves at the middle of a cosine', () => {
    const schedule: Schedule = { kind: 'constant', base: 0.4, steps: 3000, warmup: { steps: 1000, ratio: 0.001 } };
    assert.ok(Math.abs(learningRate(schedule, 0) - 0.0004) < 1e-12);
    assert.ok(Math.abs(learningRate(schedule, 500) - 0.4 * (0.001 + 0.999 / 2)) < 1e-12);
    assert.equal(learningRate(schedule, 1000), 0.4);
    assert.ok(Math.abs(learningRate({ kind: 'cosine', base: 1, steps: 100 }, 50) - 0.5) < 1e-12);
    assert.equal(learningRate({ kind: 'constant', base: 1, steps: 1, warmup: { steps: 0, ratio: 0 } }, 0), 1);
  });

  it('refuses a step outside the run', () => {
    const schedule: Schedule = { kind: 'constant', base: 1, steps: 10 };
    for (const step of [-1, 10, NaN])
      assert.throws(() => learningRate(schedule, step), /is outside this schedule of 10 steps/);
  });
});

describe('scaleLearningRate', () => {
  it('is linear in the batch', () => {
    assert.equal(scaleLearningRate(0.02, 16, 16), 0.02);
    assert.ok(Math.abs(scaleLearningRate(0.02, 16, 8) - 0.01) < 1e-15);
    assert.ok(Math.abs(scaleLearningRate(0.01, 8, 64) - 0.08) < 1e-15);
  });
});
