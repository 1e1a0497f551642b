/** The loop: stops and goes on exactly, notices divergence, leaves a log. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Parameters } from '../../lib/dist/core/parameters';
import { DivergedError } from '../../lib/dist/train/diverged';
import { explained, OutOfMemoryError } from '../../lib/dist/train/out-of-memory';
import { readLog } from '../../lib/dist/train/log';
import type { LossParts } from '../../lib/dist/train/step';
import { tf, type Scalar } from '../../lib/dist/tf';
import { hashOf, temporary } from '../distill/tiny';
import { runSmall, smallParameters } from './small-run';

/** The hash of an undisturbed run's parameters. */
async function undisturbed(): Promise<string> {
  const parameters = smallParameters();
  await runSmall(parameters, temporary());
  return hashOf(parameters);
}
const stepsOf = (folder: string): number[] => readLog(folder).map(({ step }) => step);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const checkpointsOf = (folder: string): string[] => readdirSync(join(folder, 'checkpoints')).sort();

describe('a stopped run', () => {
  it('ends after the step under way, saves, and goes on to the same bits', async () => {
    const folder = temporary();
    const stop = new AbortController();
    const first = await runSmall(smallParameters(), folder, {
      signal: stop.signal,
      onStep: ({ step }) => void (step === 7 && stop.abort()),
    });
    assert.deepEqual([first.steps, first.finished], [8, false]);
    assert.deepEqual(checkpointsOf(folder), [
      'step-00000005.json',
      'step-00000005.safetensors',
      'step-00000008.json',
      'step-00000008.safetensors',
    ]);
    assert.deepEqual(stepsOf(folder), upTo(8));
    const parameters = smallParameters();
    const second = await runSmall(parameters, folder, { resume: true });
    assert.deepEqual([second.steps, second.finished], [20, true]);
    assert.deepEqual(stepsOf(folder), upTo(20));
    assert.equal(hashOf(parameters), await undisturbed());
  });

  it('goes on to the same bits where two stores name their parameters alike, as two projections do', async () => {
    const two = async (folder: string, signal?: AbortSignal): Promise<string> => {
      const [stores, targets] = [{ one: smallParameters(), two: smallParameters() }, { one: 1, two: -3 }];
      await runSmall(stores.one, folder, {
        stores,
        resume: true,
        signal,
        onStep: ({ step }) => void (step === 7 && abort.abort()),
        loss: () =>
          Object.fromEntries(
            Object.entries(stores).map(([name, store]) => {
              const away = tf.sub(store.get('weight').value, targets[name as keyof typeof targets]);
              return [name, { value: tf.sum(tf.square(away)) as Scalar, weight: 1 }];
            }),
          ),
      });
      return hashOf(stores.one) + hashOf(stores.two);
    };
    const [abort, folder] = [new AbortController(), temporary()];
    await two(folder, abort.signal);
    assert.deepEqual(stepsOf(folder), upTo(8));
    assert.equal(await two(folder), await two(temporary()));
  });

  it('takes no step when it is stopped before the first', async () => {
    const parameters = smallParameters();
    const start = hashOf(parameters);
    const result = await runSmall(parameters, temporary(), { signal: AbortSignal.abort() });
    assert.deepEqual(result, { steps: 0, finished: false, millisecondsPerStep: 0 });
    assert.equal(hashOf(parameters), start);
  });

  it('goes on from the checkpoint before a damaged one, with every step once in the log', async () => {
    const folder = temporary();
    const stop = new AbortController();
    await runSmall(smallParameters(), folder, {
      signal: stop.signal,
      onStep: ({ step }) => void (step === 11 && stop.abort()),
    });
    writeFileSync(join(folder, 'checkpoints', 'step-00000012.safetensors'), 'rubbish');
    appendFileSync(join(folder, 'log.jsonl'), '{"step":12,"los'); // a line that a kill cut off
    assert.deepEqual(stepsOf(folder), upTo(12));
    const parameters = smallParameters();
    const seen: number[] = [];
    await runSmall(parameters, folder, { resume: true, onStep: ({ step }) => void seen.push(step) });
    assert.equal(seen[0], 10);
    assert.deepEqual(stepsOf(folder), upTo(20));
    assert.equal(hashOf(parameters), await undisturbed());
  });

  it('that was finished is only loaded again, its time a step included', async () => {
    const folder = temporary();
    const trained = smallParameters();
    const first = await runSmall(trained, folder);
    const parameters = smallParameters();
    const second = await runSmall(parameters, folder, { resume: true, onStep: () => assert.fail('no step is left') });
    assert.equal(hashOf(parameters), hashOf(trained));
    assert.ok(first.millisecondsPerStep > 0);
    assert.deepEqual(second, first);
  });

  it('is refused when its configuration has changed, and starts anew without resume', async () => {
    const folder = temporary();
    await runSmall(smallParameters(), folder);
    const parameters = smallParameters();
    await assert.rejects(runSmall(parameters, folder, { resume: true, config: 'other' }), /another configuration/);
    assert.deepEqual(stepsOf(folder), upTo(20), 'nothing is lost by the refusal');
    const result = await runSmall(parameters, folder, {
      config: 'other',
      schedule: { kind: 'constant', base: 0.05, steps: 3 },
    });
    assert.deepEqual([result.steps, result.finished], [3, true]);
    assert.deepEqual(stepsOf(folder), upTo(3));
    assert.deepEqual(checkpointsOf(folder), ['step-00000003.json', 'step-00000003.safetensors']);
  });
});

describe('a diverging run', () => {
  const parameters = (): Parameters => smallParameters();
  it('names the step and the parts of the loss', async () => {
    const before = tf.memory().numTensors;
    const model = parameters();
    const weight = model.get('weight');
    const folder = temporary();
    const run = runSmall(model, folder, {
      loss: (_, step) => ({
        fit: { value: tf.sum(weight.value) as Scalar, weight: 1 },
        odd: { value: tf.scalar(step === 7 ? NaN : 1), weight: 2 },
      }),
    });
    await assert.rejects(run, (error: Error) => {
      assert.ok(error instanceof DivergedError);
      assert.match(
        error.message,
        /^step 7: the loss is no longer finite \(loss NaN, fit -?\d[^,]*, odd NaN\): lower the learning rate or clip the gradient$/,
      );
      return true;
    });
    assert.deepEqual(stepsOf(folder), upTo(7));
    model.dispose();
    assert.ok(tf.memory().numTensors - before <= 5, 'only the TensorBoard writer stays');
  });

  it('never saves a weight that is not finite', async () => {
    const model = parameters();
    const weight = model.get('weight');
    const folder = temporary();
    // At step 9 the loss is finite and its gradient is not.
    const value = (step: number): Scalar =>
      tf.sum(step === 9 ? tf.sqrt(tf.mul(weight.value, 0)) : weight.value) as Scalar;
    const loss = (_: unknown, step: number) => ({ fit: { value: value(step), weight: 1 } });
    await assert.rejects(
      runSmall(model, folder, { loss }),
      /^DivergedError|after step 9: model\/weight is no longer finite/,
    );
    assert.deepEqual(checkpointsOf(folder), ['step-00000005.json', 'step-00000005.safetensors']);
    await assert.rejects(
      runSmall(parameters(), folder, { loss: () => ({ fit: { value: tf.scalar(NaN), weight: 1 } }), resume: true }),
      /step 5: the loss/,
    );
    const clipped = parameters();
    const own = clipped.get('weight');
    await assert.rejects(
      runSmall(clipped, temporary(), {
        clip: 1,
        loss: () => ({ fit: { value: tf.sum(tf.sqrt(tf.mul(own.value, 0))) as Scalar, weight: 1 } }),
      }),
      /^Error: step 0: the gradient is not finite \(loss 0, fit 0\), before anything is learned: look at the weights /,
    );
  });

  it('frees its batch when the loss throws', async () => {
    const model = parameters();
    const folder = temporary();
    await runSmall(model, folder, { schedule: { kind: 'constant', base: 1, steps: 1 } });
    const before = tf.memory().numTensors;
    await assert.rejects(runSmall(model, folder, { loss: () => { throw new Error('no loss'); } }), /no loss/);
    assert.equal(tf.memory().numTensors, before);
  });
});

describe('the log', () => {
  it('has the parts of the loss, the rate, the norm of the gradient and times of every step', async () => {
    const folder = temporary();
    const records: unknown[] = [];
    await runSmall(smallParameters(), folder, { clip: 0.1, onStep: (record) => void records.push(record) });
    const log = readLog(folder);
    assert.deepEqual(log, records);
    for (const { losses, learningRate, gradientNorm, milliseconds, imagesPerSecond } of log) {
      assert.deepEqual(Object.keys(losses), ['loss', 'fit', 'size']);
      assert.ok(Math.abs(losses.fit + 0.5 * losses.size - losses.loss) < 1e-5);
      assert.ok(learningRate > 0 && (gradientNorm as number) > 0.1 && milliseconds > 0);
      assert.ok(Math.abs(imagesPerSecond * milliseconds - 2000) < 1e-6);
    }
  });

  it('has a TensorBoard file with every part, and none of an earlier run', async () => {
    const folder = temporary();
    const summaries = join(folder, 'tensorboard');
    mkdirSync(summaries);
    writeFileSync(join(summaries, 'events.out.tfevents.1.old'), 'an earlier run');
    await runSmall(smallParameters(), folder);
    const files = readdirSync(summaries);
    assert.equal(files.length, 1);
    assert.match(files[0], /^events\.out\.tfevents\./);
    const file = join(summaries, files[0]);
    assert.ok(statSync(file).size > 500);
    const text = readFileSync(file, 'latin1');
    for (const tag of ['loss/loss', 'loss/fit', 'loss/size', 'learning rate', 'images per second'])
      assert.ok(text.includes(tag), tag);
  });
});

describe('a step that does not fit into memory', () => {
  const exhausted = new Error('Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[2,3]');

  it('ends with a sentence that says what to do', async () => {
    const loss = (): LossParts => ({ fill: { value: tf.sum(tf.fill([1_000_000, 1_000_000], 1)), weight: 1 } });
    await assert.rejects(
      runSmall(smallParameters(), temporary(), { loss, batchSize: 8 }),
      (error: Error) => {
        assert.ok(error instanceof OutOfMemoryError);
        assert.match(error.message, /^a step of 8 pictures at once does not fit into memory \(a tensor of shape\[1000000,/);
        assert.match(error.message, /--accumulate 2/);
        return true;
      },
    );
  });

  it('does not advise to cut one picture, and leaves other errors as they are', () => {
    assert.match((explained(exhausted, 1) as Error).message, /one picture .*smaller pictures/);
    const other = new Error('Invalid TF_Status: 3\nMessage: shapes differ');
    assert.equal(explained(other, 8), other);
  });
});
