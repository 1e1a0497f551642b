import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignChannels, tf } from 'freekd';
import { solve } from '../../lib/dist/distill/alignment';
import type { Tensor2D, Tensor4D } from '../../lib/dist/tf';

test('solve: a system that needs a pivot', () => {
  assert.deepEqual(solve([[0, 2], [4, 1]], [[2, 0], [9, 4]]), [[2, 1], [1, 0]]);
});

test('alignChannels finds the 1x1 projection where there is one, and the least error where there is none', () => {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const from = tf.randomNormal([2, 5, 6, 4], 0, 1, 'float32', 3) as Tensor4D;
    const weights = tf.randomNormal([4, 7], 0, 1, 'float32', 4) as Tensor2D;
    const to = tf
      .matMul(from.reshape([-1, 4]) as Tensor2D, weights)
      .add(tf.range(0, 7))
      .reshape([2, 5, 6, 7]) as Tensor4D;
    const error = (a: Tensor4D, b: Tensor4D): number => a.sub(b).square().mean().dataSync()[0];
    assert.ok(error(alignChannels(from, to), to) < 1e-8);
    const noisy = to.add(tf.randomNormal(to.shape, 0, 1, 'float32', 5)) as Tensor4D;
    const fitted = alignChannels(from, noisy);
    const best = error(fitted, noisy);
    for (let seed = 0; seed < 4; seed++) {
      const other = tf
        .matMul(from.reshape([-1, 4]) as Tensor2D, tf.randomNormal([4, 7], 0, 0.05, 'float32', seed) as Tensor2D)
        .reshape(fitted.shape) as Tensor4D;
      assert.ok(error(fitted.add(other) as Tensor4D, noisy) > best);
    }
  });
  assert.equal(tf.memory().numTensors, before);
});

test('alignChannels: a dead channel does no harm, and maps of other sizes are an error', () => {
  tf.tidy(() => {
    const from = tf.concat([tf.randomNormal([1, 4, 4, 1]), tf.zeros([1, 4, 4, 1])], 3) as Tensor4D;
    const to = from.slice([0, 0, 0, 0], [-1, -1, -1, 1]).mul(2) as Tensor4D;
    assert.ok(alignChannels(from, to).sub(to).abs().max().dataSync()[0] < 1e-4);
    assert.throws(() => alignChannels(from, tf.zeros([1, 4, 5, 1]) as Tensor4D), /differ in more than their channels/);
  });
});
