/** The moving average of weights and the choice of the best: values, exact resume, memory. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Parameters } from '../../lib/dist/core/parameters';
import { WeightAverage } from '../../lib/dist/train/average';
import { readLog } from '../../lib/dist/train/log';
import type { TrainOptions } from '../../lib/dist/train/loop';
import { tf, type Tensor } from '../../lib/dist/tf';
import { readSafetensors } from '../../lib/dist/weights/safetensors';
import { hashOf, temporary } from '../distill/tiny';
import { runSmall, smallParameters } from './small-run';

type Options = Partial<TrainOptions<Tensor>>;
const near = (found: ArrayLike<number>, wanted: ArrayLike<number>): void =>
  Array.from(found).forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-5, `${value} for ${wanted[i]}`));

/** The small run to its end, the weights after every step with it. */
async function weightsOf(options: Options): Promise<{ each: Float32Array[]; end: Float32Array; folder: string }> {
  const [parameters, folder] = [smallParameters(), temporary()];
  const { variable } = parameters.get('weight');
  const each = [variable.read()];
  await runSmall(parameters, folder, { ...options, onStep: () => void each.push(variable.read()) });
  return { each, end: variable.read(), folder };
}

describe('the average of weights', () => {
  it('is the plain formula over the weights of every step, and what a run ends with', async () => {
    for (const decay of [0.5, 0.999]) {
      const { each, end, folder } = await weightsOf({ average: decay });
      const plain = each.slice(1).reduce((average, weights, i) => {
        const t = i + 1;
        const d = Math.min(decay, (1 + t) / (10 + t));
        return average.map((a, j) => d * a + (1 - d) * weights[j]);
      }, Array.from(each[0]));
      near(end, plain);
      const stored = await readSafetensors(join(folder, 'checkpoints/step-00000020.safetensors'));
      assert.deepEqual(stored.get('average/model/weight')!.data, end);
      assert.deepEqual(stored.get('model/weight')!.data, each[20], 'a resumed run goes on from the weights themselves');
    }
  });

  it('changes no weight on the way', async () => {
    const [plain, averaged] = [await weightsOf({}), await weightsOf({ average: 0.9 })];
    assert.deepEqual(averaged.each, plain.each);
    assert.deepEqual(plain.end, plain.each[20]);
    assert.notDeepEqual(averaged.end, plain.end);
  });

  it('keeps its number of tensors, and swaps back to the bit', () => {
    const parameters = smallParameters();
    const average = new WeightAverage(parameters.all(), ['weight', 'bias'], 0.9);
    average.update(1);
    const { numTensors } = tf.memory();
    for (let step = 2; step < 6; step++) {
      tf.tidy(() => parameters.get('weight').assign(tf.tensor1d([step, 1 / 3, -step])));
      average.update(step);
    }
    const before = hashOf(parameters);
    average.swap();
    assert.notEqual(hashOf(parameters), before);
    average.swap();
    assert.equal(hashOf(parameters), before);
    assert.equal(tf.memory().numTensors, numTensors);
    assert.throws(() => average.load(new Map()), /lacks the average of weight/);
  });
});

/** Scores that rise to the third look and fall from there. */
const scores = [0.1, 0.3, 0.7, 0.6, 0.7, 0.2, 0.1];
const selecting = (patience: number, seen: string[], parameters: Parameters): Options => ({
  average: 0.9,
  selection: {
    every: 3,
    patience,
    score: async () => {
      seen.push(hashOf(parameters));
      return scores[seen.length - 1];
    },
  },
});

describe('the best weights', () => {
  it('are those of the best look, the first of equals; the averages are what is looked at', async () => {
    const [parameters, seen, folder]: [Parameters, string[], string] = [smallParameters(), [], temporary()];
    const result = await runSmall(parameters, folder, selecting(100, seen, parameters));
    assert.deepEqual(result.best, { step: 9, score: Math.fround(0.7), stoppedEarly: false });
    assert.equal(seen.length, 7); // steps 3, 6, ..., 18 and 20
    assert.equal(hashOf(parameters), seen[2]);
    const looks = readLog(folder).filter(({ heldOut }) => heldOut !== undefined);
    assert.deepEqual(
      looks.map(({ step, heldOut }) => [step + 1, heldOut]),
      [3, 6, 9, 12, 15, 18, 20].map((step, i) => [step, scores[i]]),
    );
  });

  it('end a run after as many looks without a better one as patience says', async () => {
    const [parameters, seen, folder]: [Parameters, string[], string] = [smallParameters(), [], temporary()];
    const result = await runSmall(parameters, folder, selecting(2, seen, parameters));
    assert.deepEqual([result.steps, result.finished], [15, true]);
    assert.deepEqual(result.best, { step: 9, score: Math.fround(0.7), stoppedEarly: true });
    assert.equal(hashOf(parameters), seen[2]);
    const again = smallParameters();
    const loaded = await runSmall(again, folder, { ...selecting(2, [], again), resume: true });
    assert.deepEqual([loaded.steps, loaded.best], [15, result.best]);
    assert.equal(hashOf(again), seen[2], 'what has ended is only loaded again');
  });

  it('are the same where a run was stopped anywhere on its way', async () => {
    const whole: string[] = [];
    const undisturbed = smallParameters();
    await runSmall(undisturbed, temporary(), selecting(2, whole, undisturbed));
    for (const stopAt of [1, 4, 8, 9, 13]) {
      const [folder, seen]: [string, string[]] = [temporary(), []];
      const stop = new AbortController();
      const first = smallParameters();
      const onStep = ({ step }: { step: number }): void => void (step === stopAt && stop.abort());
      await runSmall(first, folder, { ...selecting(2, seen, first), signal: stop.signal, onStep });
      const second = smallParameters();
      const { best } = await runSmall(second, folder, { ...selecting(2, seen, second), resume: true });
      assert.deepEqual(seen, whole, `stopped at ${stopAt}`);
      assert.deepEqual(best, { step: 9, score: Math.fround(0.7), stoppedEarly: true });
      assert.equal(hashOf(second), hashOf(undisturbed));
    }
  });
});
