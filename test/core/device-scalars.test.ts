import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepScalars, type ScalarBackend } from '../../lib/dist/core/device-scalars';
import { tf } from '../../lib/dist/tf';

/** The backend of this process, on a processor, with the scalars of a GPU for as long as `run` lasts. */
function withKept(kept: number, run: (made: number[]) => void): void {
  const backend = tf.backend() as unknown as ScalarBackend & { binding: ScalarBackend['binding'] };
  const { binding, getInputTensorIds } = backend;
  const made: number[] = [];
  const createTensor: ScalarBackend['binding']['createTensor'] = (shape, type, values) => {
    if (shape.length === 0 && type === binding.TF_FLOAT) made.push(values[0]);
    return binding.createTensor(shape, type, values);
  };
  backend.binding = Object.create(binding, { createTensor: { value: createTensor } }) as ScalarBackend['binding'];
  keepScalars(backend, kept);
  try {
    run(made);
  } finally {
    Object.assign(backend, { binding, getInputTensorIds });
  }
}

test('a number is handed to TensorFlow once, signed zeros, infinities and NaN too; results are the same', () => {
  const numbers = [2, -0, 0, NaN, Infinity, 0.1, 2, -0, 0, NaN, Infinity, 0.1];
  const before = tf.memory().numTensors;
  withKept(100, (made) => {
    for (const value of numbers) {
      const product = tf.tidy(() => Array.from(tf.mul(tf.tensor1d([1, 3]), value).dataSync()));
      assert.deepEqual(product, [1, 3].map((factor) => Math.fround(factor * Math.fround(value))));
    }
    assert.deepEqual(made.slice(0, 6).map(String), [2, -0, 0, NaN, Infinity, Math.fround(0.1)].map(String));
    assert.equal(made.length, 6);
    const one = tf.scalar(1 / 3);
    tf.dispose(tf.add(one, one));
    assert.equal(one.dataSync()[0], Math.fround(1 / 3), 'a scalar is still read after it was used');
    one.dispose();
  });
  assert.equal(tf.memory().numTensors, before);
});

test('the value used longest ago goes first', () => {
  withKept(2, (made) => {
    for (const value of [1, 2, 1, 3, 1, 2]) tf.tidy(() => void tf.add(tf.tensor1d([1]), value));
    assert.deepEqual(made, [1, 2, 3, 2]);
  });
});
