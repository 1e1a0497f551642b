/** Ten steps of the authors' RetinaNet R101 -> R50 run against plain PyTorch (test/golden/distillation_steps.py). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { retinanetR101R50Coco as row } from '../../lib/dist/experiments/rows/retinanet-r101-r50-coco';
import { released } from '../../lib/dist/freekd/profiles';
import { fill, publishedNumbers } from '../detection/golden';
import { holdTenSteps } from './golden-run';

for (const [accumulate, how] of [[1, 'at once'], [2, 'in two parts']] as const)
  test(`ten steps of distillation, each batch ${how}, change every parameter as PyTorch does`, async (t) => {
    const { loss, stage2 } = released;
    assert.deepEqual(row.weights.released, {
      frequency: loss.freekd,
      mse: loss.featureMSE,
      regression: loss.regression,
    });
    const { learningRate, warmupSteps, clip, optimizer } = row.student;
    assert.deepEqual([learningRate, warmupSteps, clip], [stage2.learningRate, stage2.warmupSteps, stage2.clipNorm]);
    const { momentum, weightDecay } = stage2;
    assert.deepEqual(optimizer, { kind: 'sgd', momentum, weightDecay, decayed: 'all' });
    const [teacher, student] = [createDetector(row.teacher.model), createDetector(row.student.model)];
    fill(teacher, publishedNumbers, 'teacher/');
    fill(student, publishedNumbers);
    await holdTenSteps(t, 'distillation_steps', row, { teacher, student, accumulate });
  });
