/** The peers' losses in stage 2: they lower their own part, leave no tensor behind, resume bit for bit. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RetinaNet } from '../../../lib/dist/detection/retinanet';
import type { TeacherSide } from '../../../lib/dist/distill/distill-student';
import { liveFeatures } from '../../../lib/dist/distill/feature-cache';
import { createImitations, activeImitations, type Distillation } from '../../../lib/dist/distill/imitations/index';
import { Teacher } from '../../../lib/dist/distill/teacher';
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

const losses: Record<'cwd' | 'pkd' | 'mgd' | 'fgd' | 'cankd', Distillation> = {
  cwd: { cwd: { weight: 2 } },
  pkd: { pkd: { weight: 1 } },
  mgd: { mgd: { weight: 1e-3 } },
  fgd: { fgd: { weight: 1e-2 } },
  cankd: { cankd: { weight: 10 } },
};

for (const [name, distillation] of Object.entries(losses))
  describe(name, () => {
    const side = (): TeacherSide => (name === 'pkd' ? equal : wide);

    it('holds the same number of tensors after every step', async () => {
      const counts: number[] = [];
      const run = await distil(folder, distillation, {
        side: side(),
        steps: 5,
        onStep: () => void counts.push(tf.memory().numTensors),
      });
      assert.equal(new Set(counts).size, 1, `tensors: ${counts}`);
      assert.ok(readLog(run.folder).every((record) => record.losses[name] > 0));
      run.student.dispose();
    });

    it('ends with the same weights where it was stopped and resumed', async () => {
      const options = { side: side(), steps: 6, checkpointEvery: 2, config: { name } };
      const whole = await distil(folder, distillation, options);
      const stop = new AbortController();
      const own = temporary();
      const first = await distil(folder, distillation, {
        ...options,
        folder: own,
        signal: stop.signal,
        onStep: ({ step }) => void (step >= 3 && stop.abort()),
      });
      assert.equal(first.result.finished, false);
      const resumed = await distil(folder, distillation, { ...options, folder: own, resume: true });
      assert.equal(resumed.result.finished, true);
      assert.equal(hashOf(resumed.student.parameters), hashOf(whole.student.parameters));
      assert.deepEqual(
        readLog(own).map((record) => record.losses),
        readLog(whole.folder).map((record) => record.losses),
      );
      for (const { student } of [whole, first, resumed]) student.dispose();
    });
  });

const learned = { mgd: 'generation.1.1.weight', fgd: 'context.1.teacher.out.weight', cankd: 'attention.1.key.bias' };
for (const [name, part] of Object.entries(learned))
  it(`${name} trains ${part}, phi only where the channels differ, and frees both`, () => {
    const asked = activeImitations(losses[name as keyof typeof learned]);
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

it('PKD says that it needs equally many channels', () => {
  const student = new RetinaNet(tinyStudent, { seed: 2 });
  assert.throws(
    () => createImitations(activeImitations(losses.pkd), { student, ...wide, seed: 1 }),
    /pkd compares channel with channel, but the student has 8 and the teacher 12/,
  );
  student.dispose();
});
