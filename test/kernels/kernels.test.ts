/**
 * Every kernel against PyTorch, in value and gradient, at each level: stock tfjs, TensorFlow's
 * kernels, oneDNN's, our own.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { add, relu6 } from '../../lib/dist/kernels/activation';
import { batchNorm, batchNormTraining } from '../../lib/dist/kernels/batch-norm';
import { conv2d } from '../../lib/dist/kernels/conv';
import { groupNorm } from '../../lib/dist/kernels/group-norm';
import { kernelLevel, ownKernels, setKernelLevel, type KernelLevel } from '../../lib/dist/core/native';
import { maxPool } from '../../lib/dist/kernels/pool';
import { upsampleNearest } from '../../lib/dist/kernels/upsample';
import type { Rank } from '@tensorflow/tfjs-node-gpu';
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../../lib/dist/tf';

interface Stored {
  shape: number[];
  data: number[];
}
interface Case {
  options: { stride: number; padding: number; relu: boolean; groups: number; size: number & [number, number] };
  inputs: Record<string, Stored>;
  gradients: Record<string, Stored>;
  y: Stored;
  r: Stored;
  mean: Stored;
  variance: Stored;
}
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/kernels.json'), 'utf8')) as Record<string, Case[]>;
const read = ({ shape, data }: Stored): Tensor => tf.tensor(data, shape);
// Those that this machine has.
const all: KernelLevel[] = ['stock', 'plain', 'onednn', 'own'];
const levels = all.slice(0, ownKernels() ? 4 : all.indexOf(kernelLevel()) + 1);

function assertClose(actual: Tensor, expected: Stored, message: string): void {
  assert.deepEqual(actual.shape, expected.shape, message);
  const scale = Math.max(1, ...expected.data.map(Math.abs));
  actual.dataSync().forEach((value: number, i: number) => {
    assert.ok(
      Math.abs(value - expected.data[i]) < 1e-5 * scale,
      `${message}[${i}] is ${value}, expected ${expected.data[i]}`,
    );
  });
}

/** Runs `f` on the inputs of a case and compares y and the gradient of sum(y r). */
function check(stored: Case, f: (inputs: Record<string, Tensor>) => Tensor, message: string): void {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const names = Object.keys(stored.inputs);
    const values = names.map((name) => read(stored.inputs[name]));
    const byName = (tensors: Tensor[]): Record<string, Tensor> =>
      Object.fromEntries(tensors.map((tensor, i) => [names[i], tensor]));
    assertClose(f(byName(values)), stored.y, `${message}: y`);
    const { grads } = tf.valueAndGrads((...tensors: Tensor[]) => tf.sum(tf.mul(f(byName(tensors)), read(stored.r))))(
      values,
    );
    names.forEach((name, i) => assertClose(grads[i], stored.gradients[name], `${message}: gradient of ${name}`));
  });
  assert.equal(tf.memory().numTensors, before, `${message}: tensors`);
}

for (const level of levels) {
  const each = (name: string, f: (inputs: Record<string, Tensor>, stored: Case) => Tensor): void => {
    it(`${name} equals PyTorch`, () => {
      setKernelLevel(level);
      for (const stored of golden[name]) {
        check(
          stored,
          (inputs) => f(inputs, stored),
          `${name} of x [${stored.inputs.x.shape}] with ${JSON.stringify(stored.options)}`,
        );
      }
      setKernelLevel(undefined);
    });
  };
  describe(`kernels at level ${level}`, () => {
    for (const name of ['conv2d', 'groupedConv2d'])
      each(name, ({ x, filter, bias }, { options }) =>
        conv2d(x as Tensor4D, filter as Tensor4D, { ...options, bias: bias as Tensor1D }),
      );
    each('batchNorm', ({ x, gamma, beta }, { options, mean, variance }) =>
      batchNorm(x as Tensor4D, {
        gamma: gamma as Tensor1D,
        beta: beta as Tensor1D,
        mean: read(mean) as Tensor1D,
        variance: read(variance) as Tensor1D,
        relu: options.relu,
      }),
    );
    each('batchNormTraining', ({ x, gamma, beta }, { options, mean, variance }) => {
      const result = batchNormTraining(x as Tensor4D, {
        gamma: gamma as Tensor1D,
        beta: beta as Tensor1D,
        relu: options.relu,
      });
      assertClose(result.mean, mean, 'mean');
      assertClose(result.variance, variance, 'variance');
      return result.y;
    });
    each('groupNorm', ({ x, gamma, beta }, { options }) =>
      groupNorm(x as Tensor4D, {
        gamma: gamma as Tensor1D,
        beta: beta as Tensor1D,
        groups: options.groups,
        relu: options.relu,
      }),
    );
    each('relu6', ({ x }) => relu6(x));
    each('maxPool', ({ x }, { options }) => maxPool(x as Tensor4D, options));
    each('upsampleNearest', ({ x }, { options }) => upsampleNearest(x as Tensor4D, options.size));

    it('a sum keeps nothing for its gradient, and adds up where one tensor comes twice', () => {
      setKernelLevel(level);
      const x = tf.tensor1d([-1, 2, 3]);
      const { numTensors } = tf.memory();
      const { value, grad } = tf.valueAndGrad((a: Tensor) => {
        const squares = tf.square(a);
        const sum = add(squares, a); // a^2 + a
        squares.dispose();
        return tf.sum(add(sum, a)); // a^2 + 2 a
      })(x);
      assert.equal(value.dataSync()[0], 22);
      assert.deepEqual([...grad.dataSync()], [0, 6, 8]);
      tf.dispose([value, grad]);
      assert.equal(tf.memory().numTensors, numTensors);
      x.dispose();
      setKernelLevel(undefined);
    });

    it('the filter gradient of one picture with rows that no window covers leaves memory whole', () => {
      setKernelLevel(level);
      for (const channels of [5, 6, 7]) {
        const x = tf.randomUniform<Rank.R4>([1, 16, 16, channels], -1, 1, 'float32', channels);
        const seen = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, 2, 2, 1]);
        const expected = tf.sum(seen, [0, 1, 2]).dataSync();
        const filter = tf.ones([1, 1, channels, channels]) as Tensor4D;
        const gradient = tf.grad((f: Tensor) => tf.sum(conv2d(x, f as Tensor4D, { stride: 2 })))(filter);
        for (let i = 0; i < 200; i++) tf.dispose(tf.ones([100 + i])); // a broken heap would show
        gradient.dataSync().forEach((value: number, i: number) => {
          const off = Math.abs(value - expected[Math.floor(i / channels)]);
          assert.ok(off < 1e-5, `${channels} channels: off by ${off}`);
        });
        tf.dispose([x, seen, filter, gradient]);
      }
      setKernelLevel(undefined);
    });
  });
}
