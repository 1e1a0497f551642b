/** Parameters: names, roles, freezing, reading and loading. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Parameters } from '../../lib/dist/core/parameters';
import { tf } from '../../lib/dist/tf';

function small(): Parameters {
  const parameters = new Parameters();
  parameters.create('backbone.conv.weight', [1, 1, 2, 2], Float32Array.of(1, 2, 3, 4));
  parameters.create('backbone.bn.running_var', [2], 1, 'statistic');
  parameters.create('head.bias', [2], 0, 'bias');
  return parameters;
}

describe('Parameters', () => {
  it('trains all but statistics and what is frozen', () => {
    const parameters = small();
    assert.deepEqual(parameters.trainable().map(({ name }) => name), ['backbone.conv.weight', 'head.bias']);
    parameters.freeze('backbone.');
    assert.deepEqual(parameters.trainable().map(({ name }) => name), ['head.bias']);
    assert.equal(parameters.numel(), 8);
    assert.throws(() => parameters.freeze('neck'), /no parameter's name starts with "neck"/);
    parameters.dispose();
  });

  it('reads and loads, naming what does not fit', () => {
    const [one, other] = [small(), small()];
    const moved = tf.tensor([5, 6]);
    one.get('head.bias').assign(moved);
    moved.dispose();
    const entries = one.read();
    other.load(entries);
    assert.deepEqual(other.read(), entries);

    const prefixed = new Map([...entries].map(([name, entry]) => [`student.${name}`, entry]));
    other.load(prefixed, { prefix: 'student.' });
    const few = new Map([
      ['head.bias', { shape: [2], data: Float32Array.of(8, 9) }],
      ['fc.weight', { shape: [1], data: Float32Array.of(1) }],
    ]);
    assert.throws(
      () => other.load(few),
      /missing: backbone\.conv\.weight, backbone\.bn\.running_var; unexpected: fc\.weight/,
    );
    assert.deepEqual(other.read(), entries, 'a refused load changes nothing');
    other.load(few, { strict: false });
    assert.deepEqual(Array.from(other.get('head.bias').value.dataSync()), [8, 9]);
    const wrong = new Map([['head.bias', { shape: [3], data: new Float32Array(3) }]]);
    assert.throws(() => other.load(wrong, { strict: false }), /wrong shape: head\.bias \(is \[2\], given \[3\]\)/);
    one.dispose();
    other.dispose();
  });

  it('refuses unknown names, double names and wrong sizes', () => {
    const parameters = small();
    assert.throws(() => parameters.get('neck.weight'), /no parameter is called neck\.weight/);
    assert.throws(() => parameters.create('head.bias', [2], 0), /head\.bias exists already/);
    assert.throws(
      () => parameters.create('fc', [2, 2], Float32Array.of(1)),
      /fc: 1 values do not fill the shape \[2,2\]/,
    );
    const matrix = tf.zeros([2, 2]);
    assert.throws(
      () => parameters.get('head.bias').assign(matrix),
      /head\.bias has shape \[2\], cannot assign a tensor of shape \[2,2\]/,
    );
    matrix.dispose();
    parameters.dispose();
  });

  it('keeps and frees its tensors', () => {
    const before = tf.memory().numTensors;
    const parameters = small();
    const bias = parameters.get('head.bias');
    const after = tf.memory().numTensors;
    tf.tidy(() => bias.assign(tf.ones([2])));
    assert.deepEqual(Array.from(bias.value.dataSync()), [1, 1]);
    assert.equal(tf.memory().numTensors, after);
    parameters.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
});
