/** The plan's memory: of the tensors of the largest step, which is taken in parts where a batch is cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planText } from '../../lib/dist/commands/reproduce/plan';
import { emojiScenes } from '../../lib/dist/experiments/experiment';
import { variantRow } from '../../lib/dist/runs/variants';
import { tf } from '../../lib/dist/tf';
import { connect } from '../../lib/dist/train/distributed/communicator';
import { temporary, tinyStudent, tinyTeacher } from '../distill/tiny';

/** The bytes that the plan says, of a student of `batch` pictures with batches in `accumulate` parts. */
async function planned(batch: number, accumulate: number): Promise<{ text: string; bytes: number }> {
  const experiment = {
    ...emojiScenes,
    teacher: { ...emojiScenes.teacher, model: tinyTeacher },
    student: { ...emojiScenes.student, model: tinyStudent, batch },
  };
  const out = temporary();
  const text = await planText({
    ...{ experiment, variants: [variantRow('student')], seeds: [1], teacherFile: 'teacher', trainsTeacher: false },
    ...{ resume: false, accumulate, out, promptFile: 'none' },
  });
  const [, number, unit] = /about ([\d.]+) (kB|MB|GB|TB) of tensors in the largest step(?:, more|$)/m.exec(text) ?? [];
  return { text, bytes: Number(number) * { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }[unit]! };
}

test('half the pictures at once need half of what a step adds; what is not here is said', async () => {
  await connect();
  const before = tf.memory().numTensors;
  const [whole, half, parts] = [await planned(64, 1), await planned(32, 1), await planned(64, 2)];
  assert.ok(whole.bytes > 1.7 * half.bytes && whole.bytes < 2.3 * half.bytes, `${whole.bytes} ${half.bytes}`);
  assert.ok(Math.abs(parts.bytes / half.bytes - 1) < 0.05, `${parts.bytes} ${half.bytes}`);
  assert.doesNotMatch(whole.text, /--accumulate/);
  const huge = await planned(10_000_000, 1);
  assert.match(huge.text, /of tensors in the largest step, more than the [\d.]+ GB here: --accumulate 2 /);
  assert.equal(tf.memory().numTensors - before, 4 * 5, 'which TensorBoard keeps of a run');
});
