/**
 * Every variant of the table in stage 2: it leaves no tensor behind, its loss is there, and a run
 * that was stopped and resumed ends with the same weights; what the peers' losses learn.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { RetinaNet } from '../../../lib/dist/detection/retinanet';
import type { TeacherSide } from '../../../lib/dist/distill/distill-student';
import { liveFeatures } from '../../../lib/dist/distill/feature-cache';
import { createImitations, activeImitations } from '../../../lib/dist/distill/imitations/index';
import { createPromptState } from '../../../lib/dist/distill/prompt-state';
import { Teacher } from '../../../lib/dist/distill/teacher';
import { emojiScenes } from '../../../lib/dist/experiments/experiment';
import { variantRow, variants, type LossSettings, type Variant } from '../../../lib/dist/runs/variants';
import { tf } from '../../../lib/dist/tf';
import { readLog } from '../../../lib/dist/train/log';
import { distil, tinyTeacherSide } from '../setup';
import { hashOf, temporary, tinyStudent, writePictures } from '../tiny';

let folder: string;
let wide: TeacherSide;
/** As many channels as the student has. */
let equal: TeacherSide;
before(async () => {
  folder = await writePictures();
  wide = tinyTeacherSide();
  const teacher = new Teacher(new RetinaNet(tinyStudent, { seed: 5 }), [0.5, 2]);
  equal = { teacher, features: liveFeatures(teacher) };
});
after(() => {
  for (const { teacher } of [wide, equal]) teacher.detector.dispose();
});

/** Those of emoji scenes; the masks of MasKD's student come in the middle of a run. */
const { weights } = emojiScenes;
const settings: LossSettings = {
  ...emojiScenes,
  weights: { ...weights, maskd: { ...weights.maskd, refineAfter: 2 } },
};
const distillationOf = (name: Variant) => variantRow(name).distillation(settings);

for (const name of variants)
  it(`${name}: tensors, parts and a resumed run`, async () => {
    const { prompt } = variantRow(name);
    const { teacher, features } = ['pkd', 'crosskd'].includes(name) ? equal : wide;
    const state =
      prompt && createPromptState(teacher.deviations.length, teacher.channels, settings.prompt[prompt].frequency, 1);
    const distillation = distillationOf(name);
    const side = { teacher, features, prompt: state };
    const counts: number[] = [];
    const options = { side, steps: 4, checkpointEvery: 2, config: { name } };
    const whole = await distil(folder, distillation, {
      ...options,
      onStep: () => void counts.push(tf.memory().numTensors),
    });
    assert.equal(new Set(counts).size, 1, `tensors: ${counts}`);
    const log = readLog(whole.folder).map((record) => record.losses);
    assert.ok(log.every((losses) => Object.values(losses).every((value) => value > 0)), JSON.stringify(log));
    assert.equal(Object.keys(log[0]).length > 3, name !== 'student', Object.keys(log[0]).join());

    const stop = new AbortController();
    const own = temporary();
    const first = await distil(folder, distillation, {
      ...options,
      folder: own,
      signal: stop.signal,
      onStep: ({ step }) => void (step >= 1 && stop.abort()),
    });
    assert.equal(first.result.finished, false);
    const resumed = await distil(folder, distillation, { ...options, folder: own, resume: true });
    assert.equal(resumed.result.finished, true);
    assert.equal(hashOf(resumed.student.parameters), hashOf(whole.student.parameters));
    assert.deepEqual(readLog(own).map((record) => record.losses), log);
    for (const { student } of [whole, first, resumed]) student.dispose();
    state?.parameters.dispose();
  });

const learned = { mgd: 'generation.1.1.weight', fgd: 'context.1.teacher.out.weight', cankd: 'attention.1.key.bias' };
for (const [name, part] of Object.entries(learned))
  it(`${name} trains ${part}, phi only where the channels differ, and frees both`, () => {
    const asked = activeImitations(distillationOf(name));
    const student = new RetinaNet(tinyStudent);
    const before = tf.memory().numTensors;
    for (const [side, projects] of [[wide, true], [equal, false]] as const) {
      const made = createImitations(asked, { student, ...side, seed: 1 });
      const names = made.parameters[name].trainable().map((parameter) => parameter.name);
      assert.ok(names.includes(part), names.join());
      assert.equal(names.includes('phi.1.weight'), projects);
      made.dispose();
    }
    assert.equal(tf.memory().numTensors, before);
    student.dispose();
  });

it('MasKD takes masks of its own stage 1 alone', () => {
  const student = new RetinaNet(tinyStudent, { seed: 2 });
  assert.throws(
    () => createImitations(activeImitations(distillationOf('maskd')), { student, ...wide, seed: 1 }),
    /MasKD has a stage 1 of its own: tune its masks first/,
  );
  student.dispose();
});

it('PKD says that it needs equally many channels', () => {
  const student = new RetinaNet(tinyStudent, { seed: 2 });
  assert.throws(
    () => createImitations(activeImitations(distillationOf('pkd')), { student, ...wide, seed: 1 }),
    /pkd compares channel with channel, but the student has 8 and the teacher 12/,
  );
  student.dispose();
});
