/** `reproduce --costs`: what each loss learns, and a table with time and memory of a step. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { emojiScenes } from '../../lib/dist/experiments/experiment';
import { learnedBy } from '../../lib/dist/experiments/step-cost';
import type { StepCost } from '../../lib/dist/runs/step-cost';
import { variantRow } from '../../lib/dist/runs/variants';
import { tf } from '../../lib/dist/tf';
import { temporary, tinyStudent, tinyTeacher } from '../distill/tiny';
import { reproduce } from './command';

const experiment = {
  ...emojiScenes,
  teacher: { ...emojiScenes.teacher, model: tinyTeacher },
  student: { ...emojiScenes.student, model: tinyStudent },
};

test('extra parameters are counted: phi, what a loss learns, and what stage 1 tunes', () => {
  const before = tf.memory().numTensors;
  const [phi, levels, c] = [2 * (8 * 12 + 12), 2, 12]; // a student of 8 channels, a teacher of 12
  const of = (name: string) => Object.values(learnedBy(experiment, variantRow(name)));
  assert.deepEqual(of('student'), [0, 0]);
  assert.deepEqual(of('mse'), [phi, 0]);
  assert.deepEqual(of('mgd'), [phi + levels * 2 * (9 * c * c + c), 0]);
  assert.deepEqual(of('maskd'), [phi, levels * (6 * c + 9 * c * c + c + c * 6 + 6)]);
  assert.equal(tf.memory().numTensors, before);
});

test('a row a variant, each measured in a process of its own, and a file', async () => {
  const out = join(temporary(), 'costs');
  const words = ['--costs', '--variants', 'student,cankd', '--out', out, '--set', 'student.batch=2'];
  const { status, stdout, stderr } = await reproduce(out, words);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /\| student alone +\| +- \| +- \| +\d+ \| +\d+ MB \|/);
  assert.match(stdout, /\| CanKD +\| +\d+\.\d k \| +- \| +\d+ \| +\d+ MB \|/);
  const { costs } = JSON.parse(readFileSync(join(out, 'costs.json'), 'utf8')) as { costs: StepCost[] };
  assert.deepEqual(costs.map(({ variant }) => variant), ['student', 'cankd']);
  for (const { millisecondsPerStep, peakBytes } of costs) assert.ok(millisecondsPerStep > 0 && peakBytes! > 0);
});
