/** Gradients against finite differences, the tape's laziness, and what reaches an optimizer. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { relu } from '../../lib/dist/kernels/activation';
import { batchNormTraining } from '../../lib/dist/kernels/batch-norm';
import { conv2d } from '../../lib/dist/kernels/conv';
import { valueAndGradients } from '../../lib/dist/kernels/gradients';
import { groupNorm } from '../../lib/dist/kernels/group-norm';
import { kernelLevel, setKernelLevel } from '../../lib/dist/kernels/native';
import { stopGradient } from '../../lib/dist/kernels/operation';
import { Parameters } from '../../lib/dist/kernels/parameters';
import { maxPool } from '../../lib/dist/kernels/pool';
import { Random } from '../../lib/dist/kernels/random';
import { tf, type Scalar, type Tensor1D, type Tensor4D } from '../../lib/dist/tf';

/** A small network with every operation. */
function network(): { parameters: Parameters; loss: () => Scalar; dispose: () => void } {
  const random = new Random('gradients');
  const parameters = new Parameters();
  const weight = (name: string, shape: number[], mean = 0): void => {
    parameters.create(name, shape, random.normals(tf.util.sizeFromShape(shape), mean, 0.4), shape.length > 1 ? 'weight' : 'norm');
  };
  weight('conv1', [3, 3, 3, 4]);
  weight('gamma1', [4], 1);
  weight('beta1', [4]);
  weight('conv2', [3, 3, 4, 6]);
  weight('bias2', [6]);
  weight('gamma2', [6], 1);
  weight('beta2', [6]);
  weight('unused', [2]);
  const image = tf.tensor4d(random.normals(2 * 12 * 10 * 3), [2, 12, 10, 3]);
  const value = <T>(name: string): T => parameters.get(name).value as T;
  const loss = (): Scalar => tf.tidy(() => {
    const first = conv2d(image, value<Tensor4D>('conv1'), { padding: 1, inputGradient: false });
    const normal = batchNormTraining(first, { gamma: value<Tensor1D>('gamma1'), beta: value<Tensor1D>('beta1'), relu: true }).y;
    const pooled = maxPool(normal, { size: 3, stride: 2, padding: 1 });
    const second = conv2d(pooled, value<Tensor4D>('conv2'), { padding: 1, stride: 2, bias: value<Tensor1D>('bias2') });
    const third = groupNorm(second, { gamma: value<Tensor1D>('gamma2'), beta: value<Tensor1D>('beta2'), groups: 2 });
    return tf.mean(tf.square(tf.sub(relu(third), 0.5))) as Scalar;
  });
  return { parameters, loss, dispose: () => { parameters.dispose(); image.dispose(); } };
}

describe('gradients', () => {
  it('equal finite differences of the loss', () => {
    const { parameters, loss, dispose } = network();
    const { value, gradients } = valueAndGradients(loss, parameters.all());
    const direction = new Random('direction');
    parameters.all().forEach((parameter, i) => {
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
      const analytic = gradients[i].dataSync().reduce((sum: number, g: number, j: number) => sum + (g * move[j]) / length, 0);
      assert.ok(Math.abs(numeric - analytic) < 2e-3 * Math.max(0.1, Math.abs(analytic)), `${parameter.name}: ${analytic}, numerically ${numeric}`);
    });
    tf.dispose([value, ...gradients]);
    dispose();
  });

  it('are the same on stock tfjs, and zeros where a parameter is not used', () => {
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
      assert.ok(Math.abs(number - stock[i][j]) < 1e-5 * Math.max(1, Math.abs(stock[i][j])), `tensor ${i}, entry ${j}: ${number}, stock ${stock[i][j]}`);
    }));
    assert.deepEqual(best[best.length - 1], [0, 0]);
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
    const code = "console.log(require('./lib/dist/kernels/native').kernelLevel())";
    const run = (level: string): { stdout: string; stderr: string } => (
      spawnSync(process.execPath, ['-e', code], { env: { ...process.env, FREEKD_KERNELS: level }, encoding: 'utf8' })
    );
    assert.match(run('stock').stdout, /^stock$/m);
    assert.match(run('fast').stderr, /FREEKD_KERNELS is "fast"; it can be stock, plain, onednn/);
  });
});
