/** Faster R-CNN, class-specific and class-agnostic, against a plain PyTorch copy (test/golden/faster_rcnn.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { drawer, sample } from '../../lib/dist/detection/draw';
import { FasterRcnn, type FasterRcnnConfig } from '../../lib/dist/detection/faster-rcnn/network';
import { levelsOf } from '../../lib/dist/detection/faster-rcnn/roi-head';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { fill, firstOf, near, nearDetections, nearGradients, numbers, regionNumbers, targetsOf } from './golden';

interface Case {
  config: FasterRcnnConfig & { size: [number, number, number] };
  images: string;
  extent: [number, number];
  targets: { boxes: number[]; labels: number[] }[];
  /** Of the first picture, a list a level. */
  outputs: Record<'objectness' | 'deltas', number[][]>;
  /** Those that were drawn, [R, 5], and their deltas. */
  regions: number[];
  regression: number[];
  losses: Record<'objectness' | 'proposal' | 'classification' | 'box', number>;
  /** Of the first stage's losses, and of the second's. */
  normalizers: [number, number];
  /** Norm, and product with the numbers named `<parameter>/probe`. */
  gradients: Record<string, [number, number]>;
  detections: { boxes: number[]; scores: number[]; labels: number[] }[];
}

const file = path.join(__dirname, '../golden/faster_rcnn.json');
const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  detect: { threshold: number; iou: number; maximum: number };
  cases: Record<string, Case>;
};
const WEIGHTS = { objectness: 1, proposal: 2, classification: 3, box: 4 };
type Part = keyof typeof WEIGHTS;

for (const [name, c] of Object.entries(golden.cases)) {
  test(`"${name}": outputs, the regions drawn, losses, gradients and detections are PyTorch's`, () => {
    const before = tf.memory().numTensors;
    const model = new FasterRcnn(c.config, { choose: firstOf });
    fill(model, regionNumbers);
    const [n, height, width] = c.config.size;
    const images = tf.tensor4d(numbers(c.images, n * height * width * 3, -2, 2), [n, height, width, 3]);
    const targets = targetsOf(c);
    const extents = targets.map(() => ({ inputWidth: c.extent[0], inputHeight: c.extent[1] }));
    const trained = model.parameters.trainable();
    const { value, gradients } = valueAndGradients(() => {
      const outputs = model.head(model.pyramid(images, true));
      for (const [level, output] of outputs.rpn.entries())
        for (const [kind, levels] of Object.entries(c.outputs))
          near(tf.slice(output[kind as keyof typeof output], 0, 1).dataSync(), levels[level], 2e-5, `${kind} ${level}`);
      const { threshold, iou, maximum } = golden.detect;
      const options = { scoreThreshold: threshold, iouThreshold: iou, maximum };
      nearDetections(model.detect(outputs, extents, options), c.detections, { score: 1e-4, box: 1e-2 });
      assert.throws(() => model.regression(outputs), /are drawn by its loss/);
      const parts = model.loss(outputs, targets, { extents });
      near(outputs.drawn!.boxes, c.regions, 1e-5, 'regions');
      const [regression] = model.regression(outputs);
      assert.deepEqual(regression.shape.slice(0, 3), [c.regions.length / 5, 1, 1]);
      near(regression.dataSync(), c.regression, 1e-4, 'regression');
      for (const [part, expected] of Object.entries(c.losses))
        near(parts[part as Part].value.dataSync(), [expected], 2e-5, part);
      const [first, second] = c.normalizers;
      assert.deepEqual(Object.values(parts).map(({ normalizer }) => normalizer), [first, first, second, second]);
      const weighted = Object.entries(WEIGHTS).map(([part, factor]) => tf.mul(parts[part as Part].value, factor));
      return tf.addN(weighted) as Scalar;
    }, trained);
    nearGradients(trained, gradients, c.gradients);
    tf.dispose([images, value, gradients]);
    model.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
}

test('pictures without objects have losses that are numbers, and so are the gradients', () => {
  const model = new FasterRcnn(golden.cases.specific.config);
  const images = tf.zeros([2, 64, 64, 3]) as Tensor4D;
  const empty = [0, 1].map(() => ({ boxes: new Float32Array(0), labels: new Int32Array(0) }));
  const { value, gradients } = valueAndGradients(() => {
    const losses = model.loss(model.head(model.pyramid(images, true)), empty);
    assert.deepEqual([losses.proposal, losses.box].map((part) => part.value.dataSync()[0]), [0, 0]);
    return tf.addN(Object.values(losses).map((part) => part.value)) as Scalar;
  }, model.parameters.trainable());
  assert.ok(gradients.every((gradient) => gradient.dataSync().every(Number.isFinite)));
  tf.dispose([images, value, gradients]);
  model.dispose();
});

test('a step draws by its seed and the pictures, whatever stands beside them in a batch', () => {
  const places = Array.from({ length: 500 }, (_, i) => i);
  const draw = (seed: string, of: string): number[] => drawer(seed)(places, 20, of);
  assert.deepEqual(draw('1/7', '42/anchors'), draw('1/7', '42/anchors'));
  for (const [seed, of] of [['1/8', '42/anchors'], ['2/7', '42/anchors'], ['1/7', '43/anchors']])
    assert.notDeepEqual(draw(seed, of), draw('1/7', '42/anchors'));
  const drawn = draw('1/7', '42/anchors');
  assert.equal(new Set(drawn).size, 20);
  assert.deepEqual(drawn, [...drawn].sort((a, b) => a - b));
  assert.deepEqual(drawer('x')([3, 5], 20, 'few'), [3, 5], 'all where there are no more');
  // Each place about as often as any other.
  const counts = new Float32Array(10);
  for (let i = 0; i < 2000; i++) for (const place of drawer(`${i}`)(places.slice(0, 10), 3, '')) counts[place]++;
  for (const count of counts) assert.ok(Math.abs(count - 600) < 5 * Math.sqrt(600 * 0.7), `${counts}`);
  const few = sample([1, 2], places.slice(10), { count: 8, share: 0.5 }, drawer('y'), '');
  assert.deepEqual([few.positives.length, few.negatives.length], [2, 6], 'the background fills up');
});

test('a region belongs to the level of its size', () => {
  const { head } = golden.cases.specific.config;
  const squares = [10, 27.9, 28.1, 56.1, 500].flatMap((side) => [0, 0, 0, side, side]);
  assert.deepEqual([...levelsOf(Float32Array.from(squares), { ...head, finestScale: 14 })], [0, 0, 1, 2, 3]);
});
