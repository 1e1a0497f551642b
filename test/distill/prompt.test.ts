/** Stage 1: the prompt and its gate change and learn, the teacher does not change by a bit. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Loader } from '../../lib/dist/coco/loader';
import { promptLoss } from '../../lib/dist/distill/tune-prompt';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { createOptimizer } from '../../lib/dist/train/optimizer';
import { readLog } from '../../lib/dist/train/log';
import { tf, type Scalar } from '../../lib/dist/tf';
import { promptState, pictures, tinyTeacherSide, tune, tuning } from './setup';
import { hashOf, temporary, writePictures } from './tiny';

let folder: string;
before(async () => {
  folder = await writePictures();
});

for (const profile of ['paper', 'released', 'maskd'] as const)
  describe(`stage 1, profile ${profile}`, () => {
    it('changes every parameter of prompt and gate, and no bit of the teacher', async () => {
      const side = tinyTeacherSide();
      const state = promptState(side, profile);
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
        const state = promptState(side, profile);
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

describe('the recipe of stage 1', () => {
  // A rate so small that its end of 1e-6 counts, a decay so large that it does.
  const own = { ...tuning, lambda: 0.3, steps: 4, learningRate: 1e-5, weightDecay: 0.5 };
  const rates = Array.from({ length: 4 }, (_, t) => 1e-6 + ((1e-5 - 1e-6) * (1 + Math.cos((Math.PI * t) / 4))) / 2);

  it("is PyTorch's Adam with L2 decay, on a cosine that ends at 1e-6, lambda times the dissimilarity", async () => {
    const side = tinyTeacherSide();
    const [state, copy] = [promptState(side, 'paper'), promptState(side, 'paper')];
    const run = temporary();
    await tune(folder, side, state, { tuning: own, folder: run, loader: pictures(folder) });
    const log = readLog(run);
    log.forEach(({ learningRate, losses }, step) => {
      assert.ok(Math.abs(learningRate - rates[step]) < 1e-15, `step ${step}: ${learningRate}, not ${rates[step]}`);
      const { loss, classification, box, dissimilarity } = losses;
      assert.ok(Math.abs(classification + box + 0.3 * dissimilarity - loss) < 1e-5 * loss);
    });
    const parameters = copy.parameters.trainable();
    const optimizer = createOptimizer({ kind: 'adam', weightDecay: 0.5 }, parameters);
    const loader = pictures(folder);
    for (let step = 0; step < 4; step++) {
      const batch = await loader.batch(step);
      const { value, gradients } = valueAndGradients(() => {
        const parts = promptLoss(side.teacher, copy, side.features(batch), batch, own);
        return tf.addN(Object.values(parts).map((part) => tf.mul<Scalar>(part.value, part.weight)));
      }, parameters);
      optimizer.apply(gradients, rates[step]);
      tf.dispose([value, gradients, batch.images]);
    }
    assert.equal(hashOf(state.parameters), hashOf(copy.parameters));
    [optimizer, state.parameters, copy.parameters, side.teacher.detector].forEach((item) => item.dispose());
  });

  it('has no dissimilarity where lambda is 0', async () => {
    const side = tinyTeacherSide();
    const state = promptState(side, 'paper');
    const run = temporary();
    await tune(folder, side, state, { tuning: { ...own, lambda: 0 }, folder: run });
    assert.deepEqual(Object.keys(readLog(run)[0].losses), ['loss', 'classification', 'box']);
    state.parameters.dispose();
    side.teacher.detector.dispose();
  });

  it('scales the prompted maps by channel weights of the map and the next coarser one', async () => {
    const side = tinyTeacherSide();
    const state = promptState(side, 'paper');
    const batch = await pictures(folder).batch(0);
    const [fine, coarse] = side.features(batch);
    const [first, last] = state.relations!;
    const weights = [first.weights(fine, coarse), last.weights(coarse, coarse)];
    const prompted = [fine, coarse].map((map, level) =>
      tf.mul(state.prompts![level].apply(map).feature, weights[level].expandDims(1).expandDims(1)),
    );
    const wanted = side.teacher.detector.loss(side.teacher.head(prompted as (typeof fine)[]), batch.targets, {
      extents: batch.origins,
    });
    const { classification, box } = promptLoss(side.teacher, state, [fine, coarse], batch, own);
    assert.equal(classification.value.dataSync()[0], wanted.classification.value.dataSync()[0]);
    assert.equal(box.value.dataSync()[0], wanted.box.value.dataSync()[0]);
    state.parameters.dispose();
    side.teacher.detector.dispose();
  });
});
