/** What a loss is given of both heads: as much as it reads, the teacher's as constants. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HeadOutput } from '../../../lib/dist/detection/retinanet';
import { RetinaNet } from '../../../lib/dist/detection/retinanet';
import { headsOf, imitatedIn, type TeacherSide } from '../../../lib/dist/distill/distill-student';
import { tf, type Tensor } from '../../../lib/dist/tf';
import { pictures, tinyTeacherSide } from '../setup';
import { tinyStudent, writePictures } from '../tiny';

let side: TeacherSide;
before(() => (side = tinyTeacherSide()));
after(() => side.teacher.detector.dispose());

test('a loss is given of both heads what it reads', async () => {
  const { teacher } = side;
  const loader = pictures(await writePictures());
  const batch = await loader.batch(0);
  const student = new RetinaNet(tinyStudent, { seed: 2 });
  const values = (tensor: Tensor): number[] => Array.from(tensor.dataSync());
  for (const readsHead of [false, true])
    for (const readsOutputs of [false, true]) {
      const reads = { readsHead, readsOutputs };
      const before = tf.memory().numTensors;
      tf.tidy(() => {
        const expected = teacher.head(side.features(batch)) as HeadOutput[];
        const kept = tf.memory().numTensors;
        const imitated = imitatedIn(batch, reads, side);
        const mine = tf.memory().numTensors - kept;
        assert.equal(mine, 2 + (readsOutputs ? 4 : readsHead ? 2 : 0), 'the pyramid and what is read, nothing else');
        const outputs = student.head(student.pyramid(batch.images, true), { training: true });
        const heads = { ...imitated, ...headsOf(student, outputs, reads, imitated, teacher) };
        assert.equal(heads.outputs, outputs);
        assert.equal(heads.regression.length, readsHead ? 2 : 0);
        const given = heads.teacherOutputs as HeadOutput[] | undefined;
        assert.deepEqual(given?.map(({ logits }) => values(logits)),
          readsOutputs ? expected.map(({ logits }) => values(logits)) : undefined);
        assert.deepEqual(heads.teacherRegression?.map(values),
          readsHead ? expected.map(({ deltas }) => values(deltas)) : undefined);
      });
      assert.equal(tf.memory().numTensors, before);
    }
  batch.images.dispose();
  student.dispose();
  await loader.close();
});
