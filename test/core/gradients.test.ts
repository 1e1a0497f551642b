/** Gradients against finite differences, the tape's laziness, and what reaches an optimizer. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { relu } from '../../lib/dist/kernels/activation';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { kernelLevel, setKernelLevel } from '../../lib/dist/core/native';
import { stopGradient } from '../../lib/dist/core/operation';
import { Parameters } from '../../lib/dist/core/parameters';
import { Random } from '../../lib/dist/core/random';
import { tf, type Scalar, type Tensor } from '../../lib/dist/tf';
import { network } from '../kernels/network';

describe('gradients', () => {
  it('equal finite differences of the loss', () => {
    const { parameters, loss, dispose } = network();
    const { value, gradients } = valueAndGradients(loss, parameters.trainable());
    const direction = new Random('direction');
    parameters.trainable().forEach((parameter, i) => {
      const h = 2e-3;
      const move = direction.normals(parameter.value.size);
      const length = Math.hypot(...move);
      const start = parameter.variable.read();
      const at = (sign: number): number => {
        const moved = tf.tensor(start.map((x, j) => x + (sign * h * move[j]) / length), parameter.shape);
        parameter.assign(moved);
        const result = loss();
        const number = result.dataSync()[0];
        tf.dispose([moved, result]);
        return number;
      };
      const numeric = (at(1) - at(-1)) / (2 * h);
      const restored = tf.tensor(start, parameter.shape);
      parameter.assign(restored);
      restored.dispose();
      const analytic = (gradients[i].dataSync() as Float32Array).reduce(
        (sum: number, g: number, j: number) => sum + (g * move[j]) / length,
        0,
      );
      assert.ok(
        Math.abs(numeric - analytic) < 2e-3 * Math.max(0.1, Math.abs(analytic)),
        `${parameter.name}: ${analytic}, numerically ${numeric}`,
      );
    });
    tf.dispose([value, ...gradients]);
    dispose();
  });

  it('are the same on stock tfjs, and zeros for a statistic and for what is not used', () => {
    const run = (): number[][] => {
      const { parameters, loss, dispose } = network();
      const { value, gradients } = valueAndGradients(loss, parameters.all());
      const numbers = [value, ...gradients].map((tensor) => Array.from(tensor.dataSync()));
      tf.dispose([value, ...gradients]);
      dispose();
      return numbers;
    };
    const best = run();
    setKernelLevel('stock');
    const stock = run();
    setKernelLevel(undefined);
    best.forEach((numbers, i) => numbers.forEach((number, j) => {
      assert.ok(
        Math.abs(number - stock[i][j]) < 1e-5 * Math.max(1, Math.abs(stock[i][j])),
        `tensor ${i}, entry ${j}: ${number}, stock ${stock[i][j]}`,
      );
    }));
    const zeros = best.slice(-3).flat();
    assert.deepEqual(zeros, new Array(zeros.length).fill(0));
  });

  it('leave no tensor behind', () => {
    const { parameters, loss, dispose } = network();
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) {
      const { value, gradients } = valueAndGradients(loss, parameters.trainable());
      tf.dispose([value, ...gradients]);
      assert.equal(tf.memory().numTensors, before);
    }
    dispose();
  });

  it('are, bit for bit, those of tfjs', () => {
    const { parameters, loss, dispose } = network();
    const trainable = parameters.trainable();
    const ours = valueAndGradients(loss, trainable);
    const theirs = tf.engine().gradients(loss, trainable.map((parameter) => parameter.value), undefined, true);
    const bits = ({ value, gradients }: { value: Tensor; gradients: (Tensor | undefined)[] }) =>
      [value, ...gradients].map((tensor, i) =>
        Array.from(tensor ? tensor.dataSync() : new Float32Array(trainable[i - 1].value.size)),
      );
    assert.deepEqual(bits(ours), bits({ value: theirs.value, gradients: theirs.grads }));
    tf.dispose([ours.value, ours.gradients, theirs.value, theirs.grads]);
    dispose();
  });

  it('keep nothing of operations that no parameter goes into', () => {
    const parameters = new Parameters();
    const weight = parameters.create('weight', [1], 2);
    const x = tf.ones([1000]);
    let kept = 0;
    const { value, gradients } = valueAndGradients(() => {
      const before = tf.memory().numTensors;
      const frozen = tf.tidy(() => tf.square(relu(tf.square(tf.square(x))))); // each would save what it needs
      kept = tf.memory().numTensors - before;
      return tf.sum(tf.mul(frozen, weight.value));
    }, [weight]);
    assert.equal(kept, 1, 'the result alone');
    assert.equal(gradients[0].dataSync()[0], 1000);
    tf.dispose([value, gradients, x]);
    parameters.dispose();
  });

  it('free what was kept, and gradients of maps, as the backward pass goes', () => {
    const parameters = new Parameters();
    const layers = Array.from({ length: 20 }, (_, i) => parameters.create(`${i}`, [1], 1));
    const x = tf.ones([1000]);
    const alive: number[] = [];
    let recorded = 0;
    const { value, gradients } = valueAndGradients(
      () => {
        const before = tf.memory().numBytes;
        const y = tf.tidy(() => layers.reduce<Tensor>((map, { value: own }) => tf.square(tf.mul(map, own)), x));
        recorded = tf.memory().numBytes - before;
        return tf.sum(y);
      },
      layers,
      () => alive.push(tf.memory().numBytes),
    );
    assert.equal(alive.length, layers.length);
    assert.ok(recorded > 2 * 20 * 4000, 'a layer keeps the inputs of both its operations');
    assert.ok(alive[0] - alive[19] > 0.8 * recorded, `${alive[0]} bytes at the last layer, ${alive[19]} at the first`);
    tf.dispose([value, gradients, x]);
    parameters.dispose();
  });

  it('leave no tensor behind where the loss throws', () => {
    const { parameters, loss, dispose } = network();
    const before = tf.memory().numTensors;
    const broken = (): Scalar => {
      loss();
      throw new Error('broken');
    };
    assert.throws(() => valueAndGradients(broken, parameters.trainable()), /broken/);
    assert.equal(tf.memory().numTensors, before);
    dispose();
  });

  it('of a loss that computes gradients itself are an error, not a wrong number', () => {
    const { parameters, dispose } = network();
    const [weight] = parameters.trainable();
    const slope = (): Scalar => tf.sum(tf.grad((x) => tf.sum(tf.square(x)))(weight.value));
    assert.throws(() => valueAndGradients(slope, [weight]), /a loss that computes gradients itself cannot be/);
    dispose();
  });

  it('stop at stopGradient', () => {
    tf.tidy(() => {
      const before = tf.memory().numTensors;
      const gradient = tf.grad((x) => tf.sum(tf.mul(x, stopGradient(x))))(tf.tensor1d([2, 3]));
      assert.deepEqual(Array.from(gradient.dataSync()), [2, 3]);
      assert.ok(tf.memory().numTensors <= before + 2);
    });
  });
});

describe('the level of kernels', () => {
  it('is the best that works, or what FREEKD_KERNELS says', () => {
    assert.ok(['plain', 'onednn'].includes(kernelLevel()));
    const code = "console.log(require('./lib/dist/core/native').kernelLevel())";
    const run = (level: string): { stdout: string; stderr: string } => (
      spawnSync(process.execPath, ['-e', code], { env: { ...process.env, FREEKD_KERNELS: level }, encoding: 'utf8' })
    );
    assert.match(run('stock').stdout, /^stock$/m);
    assert.match(run('fast').stderr, /FREEKD_KERNELS is "fast"; it can be stock, plain, onednn, own/);
  });
});
