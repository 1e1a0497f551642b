/**
 * Twenty steps of each optimizer against torch.optim, on TensorFlow's update kernels and on stock
 * tfjs.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setKernelLevel, type KernelLevel } from '../../lib/dist/core/native';
import { Parameters } from '../../lib/dist/core/parameters';
import { clipByGlobalNorm } from '../../lib/dist/train/clip';
import { createOptimizer, type Optimizer, type OptimizerConfig } from '../../lib/dist/train/optimizer';
import { tf, type Tensor } from '../../lib/dist/tf';

interface Pair {
  weight: number[];
  bias: number[];
}
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/optimizer.json'), 'utf8')) as Pair & {
  rates: number[];
  gradients: Pair[];
  runs: Record<string, Pair[]>;
  clip: (Pair & { maxNorm: number; norm: number })[];
};

const configs: Record<string, OptimizerConfig> = {
  'sgd': { kind: 'sgd', momentum: 0.9, weightDecay: 0.05 },
  'sgd-all': { kind: 'sgd', momentum: 0.9, weightDecay: 0.05, decayed: 'all' },
  'sgd-biases': { kind: 'sgd', momentum: 0.9, weightDecay: 0.05, decayed: 'all-but-biases', biasRate: 2 },
  'sgd-plain': { kind: 'sgd', weightDecay: 0.05 },
  'adam': { kind: 'adam', weightDecay: 0.05 },
  'adam-epsilon': { kind: 'adam', beta1: 0.8, beta2: 0.95, epsilon: 1e-2 },
  'adamw': { kind: 'adamw', weightDecay: 0.05 },
};

function model(): Parameters {
  const parameters = new Parameters();
  parameters.create('weight', [3, 4], Float32Array.from(golden.weight), 'weight');
  parameters.create('bias', [4], Float32Array.from(golden.bias), 'bias');
  return parameters;
}

const tensors = (pair: Pair): Tensor[] => [tf.tensor(pair.weight, [3, 4]), tf.tensor(pair.bias, [4])];

function step(optimizer: Optimizer, i: number): void {
  tf.tidy(() => optimizer.apply(tensors(golden.gradients[i]), golden.rates[i]));
}

function assertClose(actual: ArrayLike<number>, expected: number[], tolerance: number, message: string): void {
  assert.equal(actual.length, expected.length, message);
  expected.forEach((value, i) =>
    assert.ok(Math.abs(actual[i] - value) <= tolerance, `${message}[${i}]: ${actual[i]}, expected ${value}`),
  );
}

for (const level of ['stock', 'plain'] as KernelLevel[]) {
  describe(`optimizers on ${level} kernels`, () => {
    for (const [name, config] of Object.entries(configs)) {
      it(`${name} equals torch.optim at every step`, () => {
        setKernelLevel(level);
        const parameters = model();
        const optimizer = createOptimizer(config, parameters.all());
        const before = tf.memory().numTensors;
        golden.runs[name].forEach((expected, i) => {
          step(optimizer, i);
          assertClose(parameters.get('weight').value.dataSync(), expected.weight, 2e-6, `weight after ${i + 1} steps`);
          assertClose(parameters.get('bias').value.dataSync(), expected.bias, 2e-6, `bias after ${i + 1} steps`);
        });
        if (level !== 'stock') assert.equal(tf.memory().numTensors, before, 'tensors');
        optimizer.dispose();
        parameters.dispose();
        setKernelLevel(undefined);
      });
    }

    it('goes on from a saved state exactly', () => {
      setKernelLevel(level);
      for (const config of [configs.sgd, configs.adam, configs.adamw]) {
        const [straight, broken] = [model(), model()];
        const one = createOptimizer(config, straight.all());
        for (let i = 0; i < 20; i++) step(one, i);
        const first = createOptimizer(config, broken.all());
        for (let i = 0; i < 9; i++) step(first, i);
        const [state, values] = [first.state(), broken.read()];
        const resumed = model();
        resumed.load(values);
        const second = createOptimizer(config, resumed.all());
        second.load(state);
        for (let i = 9; i < 20; i++) step(second, i);
        assert.deepEqual(resumed.read(), straight.read());
        assert.deepEqual(second.state(), one.state());
        [one, first, second, straight, broken, resumed].forEach((item) => item.dispose());
      }
      setKernelLevel(undefined);
    });
  });
}

describe('optimizer errors and memory', () => {
  it('disposes everything', () => {
    const before = tf.memory().numTensors;
    const parameters = model();
    const optimizer = createOptimizer(configs.adam, parameters.all());
    for (let i = 0; i < 3; i++) step(optimizer, i);
    optimizer.state();
    optimizer.dispose();
    parameters.dispose();
    assert.equal(tf.memory().numTensors, before);
  });

  it('names what does not fit', () => {
    const parameters = model();
    const [adam, sgd] = [
      createOptimizer({ kind: 'adam' }, parameters.all()),
      createOptimizer({ kind: 'sgd' }, parameters.all()),
    ];
    assert.throws(() => adam.load(sgd.state()), /adam optimizer's state lacks weight\.first/);
    assert.throws(() => adam.apply([], 0.1), /0 gradients were given to an optimizer of 2 parameters/);
    const twice = [...parameters.all(), parameters.get('weight')];
    assert.throws(() => createOptimizer({ kind: 'sgd' }, twice), /two parameters named weight/);
    [adam, sgd, parameters].forEach((item) => item.dispose());
  });
});

describe('clipByGlobalNorm', () => {
  it('equals clip_grad_norm_', () => {
    for (const expected of golden.clip) {
      const { gradients, norm } = clipByGlobalNorm(tensors(golden.gradients[0]), expected.maxNorm);
      assertClose(norm.dataSync(), [expected.norm], 1e-5, 'norm');
      assertClose(gradients[0].dataSync(), expected.weight, 1e-6, 'weight');
      assertClose(gradients[1].dataSync(), expected.bias, 1e-6, 'bias');
    }
  });
});
