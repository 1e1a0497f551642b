/**
 * NaN passes through every kernel, at every level of kernels: forward, so that the loss check of a
 * run sees a divergence, and backward.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frequencyLoss, tf, wavedec2, waverec2 } from 'freekd';
import { relu, relu6 } from '../../lib/dist/kernels/activation';
import { batchNorm, batchNormTraining } from '../../lib/dist/kernels/batch-norm';
import { conv2d, conv2dLevels } from '../../lib/dist/kernels/conv';
import { groupNorm } from '../../lib/dist/kernels/group-norm';
import { ownKernels, kernelLevel, setKernelLevel, type KernelLevel } from '../../lib/dist/core/native';
import { maxPool } from '../../lib/dist/kernels/pool';
import { upsampleNearest } from '../../lib/dist/kernels/upsample';

type Tensor4D = tf.Tensor4D;
const levels: KernelLevel[] = ['stock', 'plain', 'onednn', 'own'];
const has = levels.slice(0, ownKernels() ? 4 : levels.indexOf(kernelLevel()) + 1);

/** Numbers of both signs, one of them NaN if its place is given. */
function values(shape: number[], place?: number): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(Float32Array.from({ length: size }, (_, i) => (i === place ? NaN : Math.sin(1 + i))), shape);
}
const ofChannels = (): tf.Tensor1D => tf.ones([32]);

const filter = (size: number): Tensor4D => values([size, size, 32, 32]) as Tensor4D;
const shape: [number, number, number, number] = [2, 16, 16, 32];
const constant = (): Tensor4D => values(shape) as Tensor4D;

const kernels: Record<string, (x: Tensor4D) => tf.Tensor> = {
  relu,
  relu6,
  'conv2d, 3x3': (x) => conv2d(x, filter(3), { padding: 1 }),
  'conv2d, 3x3, stride 2': (x) => conv2d(x, filter(3), { padding: 1, stride: 2, bias: ofChannels() }),
  'conv2d, each channel by itself': (x) => conv2d(x, values([3, 3, 1, 32]) as Tensor4D, { padding: 1, groups: 32 }),
  'conv2d, 1x1': (x) => conv2d(x, filter(1), { bias: ofChannels() }),
  'conv2dLevels with a ReLU': (x) =>
    conv2dLevels([x], filter(3), { bias: ofChannels(), relu: true })[0],
  'batchNorm with a ReLU': (x) =>
    batchNorm(x, { gamma: ofChannels(), beta: ofChannels(), mean: ofChannels(), variance: ofChannels(), relu: true }),
  'batchNormTraining with a ReLU': (x) =>
    batchNormTraining(x, { gamma: ofChannels(), beta: ofChannels(), relu: true }).y,
  'groupNorm with a ReLU': (x) => groupNorm(x, { gamma: ofChannels(), beta: ofChannels(), groups: 4, relu: true }),
  'maxPool, 3x3': (x) => maxPool(x, { size: 3, stride: 2, padding: 1 }),
  'maxPool, 1x1': (x) => maxPool(x, { size: 1, stride: 2 }),
  upsampleNearest: (x) => upsampleNearest(x, [32, 32]),
  'wavedec2 and waverec2': (x) =>
    waverec2(wavedec2(x, { wavelet: 'db2', mode: 'symmetric', level: 2 }), { wavelet: 'db2', mode: 'symmetric' }),
  'frequencyLoss by the student': (student) => frequencyLoss({ teacher: constant(), student }),
  'frequencyLoss of the high bands': (student) => frequencyLoss({ teacher: constant(), student, bands: 'high' }),
  'frequencyLoss with weights': (student) =>
    frequencyLoss({ teacher: constant(), student, weights: tf.ones([2, 32]), reduction: 'band-mean' }),
};

const nans = (x: tf.Tensor): number => (x.dataSync() as Float32Array).filter(Number.isNaN).length;

for (const level of has)
  describe(`NaN at level ${level}`, () => {
    /** `compute` at that level. */
    const at = (compute: () => void): void => {
      setKernelLevel(level);
      try {
        tf.tidy(compute);
      } finally {
        setKernelLevel(undefined);
      }
    };

    for (const [name, kernel] of Object.entries(kernels))
      it(`passes through ${name}`, () => at(() => {
        // Both at a place that every window of stride 2 sees: pixel (4, 6) of the second image.
        const place = ((16 + 4) * 16 + 6) * 32 + 5;
        const y = kernel(values(shape, place) as Tensor4D);
        assert.ok(nans(y) > 0, 'the result holds no NaN');
        const dy = values(y.shape, y.size > 1 ? y.size - 7 : 0);
        const dx = tf.grad((x: tf.Tensor) => kernel(x as Tensor4D))(values(shape), dy);
        assert.ok(nans(dx) > 0, 'the gradient holds no NaN');
      }));

    it('makes frequencyLoss NaN when the teacher is', () => at(() => {
      const nan = tf.fill(shape, NaN) as Tensor4D;
      for (const teacher of [nan, values(shape, 7) as Tensor4D])
        assert.ok(Number.isNaN(frequencyLoss({ teacher, student: constant() }).dataSync()[0]));
      assert.ok(Number.isNaN(frequencyLoss({ teacher: nan, student: nan, level: 1 }).dataSync()[0]));
    }));

    it('leaves the other windows of a maximum alone', () => at(() => {
      const x = tf.tensor4d([1, 2, NaN, 4], [1, 1, 4, 1]);
      assert.deepEqual(Array.from(maxPool(x, { size: 1, stride: 1 }).dataSync()), [1, 2, NaN, 4]);
      assert.deepEqual(Array.from(maxPool(x, { size: 3, stride: 2, padding: 1 }).dataSync()), [2, NaN]);
    }));
  });
