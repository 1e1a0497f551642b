/**
 * The published RetinaNets, whole, against plain PyTorch (test/golden/published.py): maps, losses,
 * every parameter's gradient, detections. Tensors are compared by sketches, whose own reliability
 * is tested first.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import * as presets from '../../lib/dist/detection/retinanet/presets';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { tf, type Scalar, type Tensor } from '../../lib/dist/tf';
import { fill, numbers, publishedNumbers } from './golden';
import { type Found, hold, holdDetections, measure, type Measured, relativeError, type Sketch, sums } from './sketch';

interface Network {
  images: string;
  parameters: number;
  maps: Record<string, Sketch>;
  losses: [number, number];
  normalizer: number;
  gradients: Record<string, Sketch>;
  detections: Found[];
}
const golden = JSON.parse(readFileSync(path.join(__dirname, '../golden/published.json'), 'utf8')) as {
  size: [number, number, number];
  extents: [number, number][];
  targets: Record<string, { boxes: number[]; labels: number[] }[]>;
  networks: Record<'retinaNetR50' | 'retinaNetR101' | 'retinaNetX101', Network>;
};

test('a sketch sees an error of any form, within a factor of two', () => {
  const values = numbers('exact', 20000);
  const norm = Math.hypot(...values);
  const sketch = [norm, 0, ...sums('x', values)];
  assert.ok(relativeError('x', values, sketch) < 1e-12);
  assert.equal(relativeError('x', values.map((v, i) => (i === 7 ? NaN : v)), sketch), Infinity);
  const spoilt: Record<string, (v: number, i: number) => number> = {
    'all scaled': (v) => v * 1.002,
    'one entry': (v, i) => (i === 1234 ? v + 0.2 : v),
    'noise': (v, i) => v + 0.002 * Math.sin(i * i),
    'all moved': (v) => v + 0.002,
    'two exchanged': (_, i) => values[i === 10 ? 11 : i === 11 ? 10 : i],
    'rows turned': (_, i) => values[(i % 100) * 200 + Math.floor(i / 100)],
    'a sign': (v, i) => (i < 5 ? -v : v),
  };
  for (const [what, spoil] of Object.entries(spoilt)) {
    const wrong = values.map(spoil);
    const truth = Math.hypot(...wrong.map((v, i) => v - values[i])) / norm;
    const ratio = relativeError('x', wrong, sketch) / truth;
    assert.ok(ratio > 0.5 && ratio < 2, `${what}: ${ratio} of ${truth}`);
  }
});

for (const name of ['retinaNetR50', 'retinaNetR101', 'retinaNetX101'] as const)
  test(`${name} has PyTorch's maps, losses, gradients and detections`, (t) => {
    const expected = golden.networks[name];
    const before = tf.memory().numTensors;
    const model = new RetinaNet(presets[name]);
    fill(model, publishedNumbers);
    const learnt = model.parameters.all().filter(({ role }) => role !== 'statistic');
    assert.equal(learnt.reduce((sum, { value }) => sum + value.size, 0), expected.parameters);
    const trained = model.parameters.trainable();
    assert.deepEqual(trained.map((parameter) => parameter.name).sort(), Object.keys(expected.gradients).sort());

    const [n, height, width] = golden.size;
    const images = tf.tensor4d(numbers(expected.images, n * height * width * 3, -2, 2), [n, height, width, 3]);
    const targets = golden.targets[name].map(({ boxes, labels }) => ({
      boxes: Float32Array.from(boxes),
      labels: Int32Array.from(labels),
    }));
    const maps: Measured[] = [];
    const look = (kind: string, map: Tensor): void =>
      void maps.push(measure(`${name}/${kind}`, map.dataSync(), expected.maps[kind]));
    const losses: number[] = [];
    const { value, gradients } = valueAndGradients(() => {
      const pyramid = model.pyramid(images, true);
      const outputs = model.head(pyramid, { training: true });
      pyramid.forEach((map, level) => look(`pyramid${level}`, map));
      outputs.forEach(({ logits, deltas }, level) => {
        look(`logits${level}`, logits);
        look(`deltas${level}`, deltas);
      });
      const found = model.detect(
        outputs,
        golden.extents.map(([inputWidth, inputHeight]) => ({ inputWidth, inputHeight })),
      );
      found.forEach((detections, i) => holdDetections(detections, expected.detections[i]));
      const { classification, box } = model.loss(outputs, targets);
      losses.push(classification.value.dataSync()[0], box.value.dataSync()[0]);
      assert.deepEqual([classification.normalizer, box.normalizer], [expected.normalizer, expected.normalizer]);
      return tf.add(classification.value, box.value) as Scalar;
    }, trained);
    assert.equal(maps.length, Object.keys(expected.maps).length);
    hold(t, 'maps', maps, 1e-5);
    losses.forEach((loss, i) =>
      assert.ok(Math.abs(loss / expected.losses[i] - 1) < 1e-5, `loss ${i}: ${loss}, not ${expected.losses[i]}`),
    );
    hold(
      t,
      'gradients',
      trained.map(({ name: key }, i) => measure(key, gradients[i].dataSync(), expected.gradients[key])),
      1e-3,
    );
    tf.dispose([images, value, gradients]);
    model.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
