/** Cascade R-CNN's boxes against a plain PyTorch copy of mmdet's (test/golden/cascade_rcnn.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { type AnchorGrid, withinBorder } from '../../lib/dist/detection/anchors';
import { CascadeRcnn, type CascadeRcnnConfig } from '../../lib/dist/detection/cascade-rcnn';
import { cascadeRcnnX101 } from '../../lib/dist/detection/cascade-rcnn/presets';
import { proposedAgain, refined } from '../../lib/dist/detection/cascade-rcnn/refine';
import type { Choose } from '../../lib/dist/detection/draw';
import { FasterRcnn } from '../../lib/dist/detection/faster-rcnn';
import { fasterRcnnR50ClassAgnostic } from '../../lib/dist/detection/faster-rcnn/presets';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { fill, firstOf, near, nearDetections, nearGradients, numbers, regionNumbers, targetsOf } from './golden';

interface Case {
  config: CascadeRcnnConfig & { size: [number, number, number] };
  images: string;
  extent: [number, number];
  targets: { boxes: number[]; labels: number[] }[];
  /** Of the first picture, a list a level. */
  outputs: Record<'objectness' | 'deltas', number[][]>;
  /** Those that were drawn for the first head, [R, 5], and their deltas. */
  regions: number[];
  regression: number[];
  losses: Record<string, number>;
  /** In the order of `losses`. */
  normalizers: number[];
  /** Of the sum of 1 times the first loss, 2 times the second, ... */
  gradients: Record<string, [norm: number, product: number]>;
  detections: { boxes: number[]; scores: number[]; labels: number[] }[];
}

const golden = JSON.parse(readFileSync(path.join(__dirname, '../golden/cascade_rcnn.json'), 'utf8')) as {
  detect: { threshold: number; iou: number; maximum: number };
  cases: Record<string, Case>;
};

for (const [name, c] of Object.entries(golden.cases))
  test(`"${name}": outputs, the regions drawn, losses of all stages, gradients and detections are PyTorch's`, () => {
    const before = tf.memory().numTensors;
    const model = new CascadeRcnn(c.config, { choose: firstOf });
    fill(model, regionNumbers);
    const [n, height, width] = c.config.size;
    const images = tf.tensor4d(numbers(c.images, n * height * width * 3, -2, 2), [n, height, width, 3]);
    const targets = targetsOf(c);
    const extents = targets.map(() => ({ inputWidth: c.extent[0], inputHeight: c.extent[1] }));
    const trained = model.parameters.trainable();
    const { value, gradients } = valueAndGradients(() => {
      const pyramid = model.pyramid(images, true);
      const outputs = model.head(pyramid);
      for (const [level, output] of outputs.rpn.entries())
        for (const [kind, levels] of Object.entries(c.outputs))
          near(tf.slice(output[kind as keyof typeof output], 0, 1).dataSync(), levels[level], 2e-5, `${kind} ${level}`);
      const { threshold, iou, maximum } = golden.detect;
      const options = { scoreThreshold: threshold, iouThreshold: iou, maximum };
      nearDetections(model.detect(outputs, extents, options), c.detections, { score: 1e-4, box: 1e-2 });
      assert.throws(() => model.regression(outputs), /are drawn by its loss/);
      const parts = model.loss(outputs, targets, { extents });
      near(outputs.drawn!.boxes, c.regions, 1e-5, 'regions');
      near(model.regression(outputs)[0].dataSync(), c.regression, 1e-4, 'regression');
      near(model.regression(model.head(pyramid), outputs)[0].dataSync(), c.regression, 1e-4, 'of those regions');
      assert.deepEqual(Object.keys(parts), Object.keys(c.losses));
      for (const [part, expected] of Object.entries(c.losses))
        near(parts[part].value.dataSync(), [expected], 2e-5, part);
      assert.deepEqual(Object.values(parts).map(({ normalizer }) => normalizer), c.normalizers);
      return tf.addN(Object.values(parts).map((part, i) => tf.mul(part.value, i + 1))) as Scalar;
    }, trained);
    nearGradients(trained, gradients, c.gradients);
    tf.dispose([images, value, gradients]);
    model.dispose();
    assert.equal(tf.memory().numTensors, before);
  });

test('pictures without objects have losses that are numbers, and so are the gradients', () => {
  const model = new CascadeRcnn(golden.cases.small.config);
  const images = tf.zeros([2, 64, 64, 3]) as Tensor4D;
  const empty = [0, 1].map(() => ({ boxes: new Float32Array(0), labels: new Int32Array(0) }));
  const { value, gradients } = valueAndGradients(() => {
    const losses = model.loss(model.head(model.pyramid(images, true)), empty);
    assert.deepEqual([losses.proposal, losses.box1, losses.box2].map((part) => part.value.dataSync()[0]), [0, 0, 0]);
    return tf.addN(Object.values(losses).map((part) => part.value)) as Scalar;
  }, model.parameters.trainable());
  assert.ok(gradients.every((gradient) => gradient.dataSync().every(Number.isFinite)));
  tf.dispose([images, value, gradients]);
  model.dispose();
});

test('every stage draws anew, by the name of the picture', () => {
  const asked: string[] = [];
  const choose: Choose = (places, count, of) => (asked.push(of), firstOf(places, count));
  const model = new CascadeRcnn(golden.cases.small.config, { choose });
  tf.tidy(() => {
    const outputs = model.head(model.pyramid(tf.zeros([1, 64, 64, 3]) as Tensor4D));
    const target = { boxes: Float32Array.of(8, 8, 40, 40), labels: Int32Array.of(1) };
    model.loss(outputs, [target], { extents: [{ inputWidth: 64, inputHeight: 64, id: 7 }] });
  });
  const draws = ['7/anchors', '7/stage0/regions', '7/stage1/regions'];
  assert.deepEqual(asked, draws.flatMap((of) => [`${of}/positives`, `${of}/negatives`]));
  model.dispose();
});

test('a stage moves its regions by its own deviations, clips them to their picture, and leaves out the objects', () => {
  const regions = Float32Array.of(0, 10, 10, 30, 20, 1, 0, 0, 10, 10, 1, 4, 4, 8, 8);
  const deltas = Float32Array.of(1, 0, 0, 0, -10, 0, Math.log(2) / 0.1, 0, 0, 0, 0, 0);
  const extents = [{ inputWidth: 31, inputHeight: 40 }, { inputWidth: 50, inputHeight: 50 }];
  const moved = refined(regions, deltas, [0.05, 0.1], extents);
  // 20 wide, moved by a twentieth of it; 10 wide, moved by half of it to the left and widened to twice the width
  near(moved, [0, 11, 10, 31, 20, 1, 0, 0, 10, 10, 1, 4, 4, 8, 8], 1e-6, 'moved');
  const again = proposedAgain(moved, { added: Uint8Array.of(0, 0, 1) } as Parameters<typeof proposedAgain>[1], 3);
  assert.deepEqual(again.map((boxes) => [...boxes]), [[11, 10, 31, 20], [0, 0, 10, 10], []]);
});

test('an anchor learns nothing from where it reaches over an edge: mmdet counts the far edges as outside', () => {
  const boxes = [[0, 0, 9, 9], [-1, 0, 9, 9], [0, -1, 9, 9], [0, 0, 20, 9], [0, 0, 19.5, 9.5], [0, 0, 9, 10]];
  const grid = { boxes: Float32Array.from(boxes.flat()) } as AnchorGrid;
  const inside = (border: number): boolean[] =>
    boxes.map((_, i) => withinBorder({ inputWidth: 20, inputHeight: 10 }, border)(grid, i));
  assert.deepEqual(inside(0), [true, false, false, false, true, false]);
  assert.deepEqual(inside(1), [true, true, true, true, true, true]);
  assert.deepEqual(inside(0.5), [true, false, false, true, true, true]);
});

test("a class-agnostic Faster R-CNN's regions are looked at by the first head of a teacher", () => {
  const { backbone, neck, head } = golden.cases.published.config;
  const model = new CascadeRcnn({ ...cascadeRcnnX101, backbone, neck, head, classes: 3 }, { seed: 1 });
  const { regions, head: both } = fasterRcnnR50ClassAgnostic;
  const agnostic = { ...both, ...head, bins: 7 };
  const student = new FasterRcnn(
    { ...fasterRcnnR50ClassAgnostic, backbone, neck, head: agnostic, classes: 3, regions },
    { seed: 2 },
  );
  tf.tidy(() => {
    const images = tf.randomNormal([1, 64, 96, 3], 0, 1, 'float32', 1) as Tensor4D;
    const [own, of] = [model.head(model.pyramid(images)), student.head(student.pyramid(images))];
    student.loss(of, [{ boxes: Float32Array.of(8, 8, 40, 40), labels: Int32Array.of(1) }]);
    const [given] = model.regression(own, of);
    assert.deepEqual(given.shape, student.regression(of)[0].shape);
    assert.ok(given.shape[0] > 1 && given.shape[3] === 4);
  });
  for (const detector of [model, student]) detector.dispose();
});
