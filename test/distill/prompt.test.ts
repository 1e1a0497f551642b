/** Stage 1: the prompt and its gate change and learn, the teacher does not change by a bit. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Loader } from '../../lib/dist/coco/loader';
import { readLog } from '../../lib/dist/train/log';
import { tf } from '../../lib/dist/tf';
import { frequencyState, pictures, tinyTeacherSide, tune } from './setup';
import { hashOf, temporary, writePictures } from './tiny';

let folder: string;
before(async () => {
  folder = await writePictures();
});

for (const profile of ['paper', 'released'] as const)
  describe(`stage 1, profile ${profile}`, () => {
    it('changes every parameter of prompt and gate, and no bit of the teacher', async () => {
      const side = tinyTeacherSide();
      const state = frequencyState(side, profile);
      const before = { teacher: hashOf(side.teacher.detector.parameters), state: state.parameters.read() };
      const statistics = side.teacher.detector.parameters.all().filter(({ role }) => role === 'statistic');
      assert.ok(statistics.length > 0);
      await tune(folder, side, state);
      assert.equal(hashOf(side.teacher.detector.parameters), before.teacher);
      for (const [name, { data }] of state.parameters.read())
        assert.notDeepEqual(data, before.state.get(name)?.data, name);
      const gates = [...before.state.keys()].filter((name) => name.startsWith('relations.'));
      assert.equal(gates.length > 0, profile === 'paper');
      state.parameters.dispose();
      side.teacher.detector.dispose();
    });

    it(
      'lowers its loss on a fixed batch, logs its parts, and holds the ' + 'same number of tensors after every step',
      async () => {
        const side = tinyTeacherSide();
        const state = frequencyState(side, profile);
        const source = pictures(folder);
        const fixed: Loader = { ...source, batch: () => source.batch(0) };
        const counts: number[] = [];
        const run = temporary();
        await tune(folder, side, state, {
          loader: fixed,
          folder: run,
          onStep: () => void counts.push(tf.memory().numTensors),
        });
        const log = readLog(run);
        assert.ok(log[log.length - 1].losses.loss < log[0].losses.loss, log.map(({ losses }) => losses.loss).join(' '));
        assert.deepEqual(Object.keys(log[0].losses), ['loss', 'classification', 'box', 'dissimilarity']);
        assert.equal(new Set(counts).size, 1, `tensors: ${counts}`);
        state.parameters.dispose();
        side.teacher.detector.dispose();
      },
    );
  });
