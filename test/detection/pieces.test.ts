/**
 * Anchors, boxes, assignment, losses and suppression, each against mmdet's or torchvision's
 * answers.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseAnchors, levelAnchors } from '../../lib/dist/detection/anchors';
import { assign, BACKGROUND } from '../../lib/dist/detection/assign';
import { decodeDelta, encodeDelta, iou } from '../../lib/dist/detection/boxes';
import { detect } from '../../lib/dist/detection/detect';
import { boxLoss, focalLoss } from '../../lib/dist/detection/losses';
import { suppress } from '../../lib/dist/detection/nms';
import { toCocoDetections } from '../../lib/dist/detection/results';
import { matchTargets } from '../../lib/dist/detection/targets';
import { Random } from '../../lib/dist/kernels/random';
import { tf, type Tensor2D, type Tensor4D } from '../../lib/dist/tf';
import { golden, near, numbers } from './golden';

const joined = (arrays: Float32Array[]): Float32Array => Float32Array.from(arrays.flatMap((array) => [...array]));
const thresholds = { positive: 0.5, negative: 0.4 };

test('anchors are those of mmdet, to the last bit', () => {
  for (const { config, stride, size, anchors } of golden.anchors)
    assert.deepEqual(levelAnchors(config, stride, size), Float32Array.from(anchors));
});

test('each position has every ratio with every scale, of the same area at one scale', () => {
  const base = baseAnchors({ baseScale: 4, scalesPerOctave: 3, ratios: [0.5, 1, 2] }, 8);
  const areas = Array.from(
    { length: 9 },
    (_, i) => (base[4 * i + 2] - base[4 * i]) * (base[4 * i + 3] - base[4 * i + 1]),
  );
  for (let i = 0; i < 9; i++) assert.ok(Math.abs(areas[i] / areas[i % 3] - 1) < 1e-5);
});

test('assignment is that of mmdet, ties and twins included', () => {
  for (const { config, boxes, notBackground } of golden.assignment) {
    const levels = [8, 16, 32].map((stride) => levelAnchors(config, stride, [128 / stride, 128 / stride]));
    const assigned = assign(joined(levels), Float32Array.from(boxes), thresholds);
    const expected = new Int32Array(assigned.length).fill(BACKGROUND);
    for (const [anchor, object] of notBackground) expected[anchor] = object;
    assert.deepEqual(assigned, expected);
  }
});

test('without objects everything is background; an object out of reach of all anchors gets none', () => {
  const anchors = levelAnchors({ baseScale: 1, scalesPerOctave: 1, ratios: [1] }, 8, [4, 4]);
  assert.ok(assign(anchors, new Float32Array(), thresholds).every((object) => object === BACKGROUND));
  const far = assign(anchors, Float32Array.of(100, 100, 110, 110), thresholds);
  assert.ok(far.every((object) => object === BACKGROUND));
});

test('overlap, encoding and decoding of boxes', () => {
  const [a, b, deltas] = ['a', 'b', 'deltas'].map((field) => Float32Array.from(golden.boxes[field]));
  const [encoded, decoded] = [new Float32Array(a.length), new Float32Array(a.length)];
  for (let i = 0; i < a.length / 4; i++) {
    for (let j = 0; j < b.length / 4; j++) assert.equal(iou(a, i, b, j), golden.boxes.iou[(i * b.length) / 4 + j]);
    encodeDelta(a, i, b, i, encoded, 4 * i);
    decodeDelta(a, i, deltas, 4 * i, golden.boxes.extent, decoded, 4 * i);
  }
  near(encoded, golden.boxes.encoded, 1e-6, 'encoded');
  near(decoded, golden.boxes.decoded, 1e-6, 'decoded');
});

test('decoding undoes encoding', () => {
  const random = new Random('boxes');
  for (let i = 0; i < 200; i++) {
    const [anchor, box] = [0, 1].map(() => {
      const [x, y] = [random.uniform(0, 80), random.uniform(0, 80)];
      return Float32Array.of(x, y, x + random.uniform(2, 40), y + random.uniform(2, 40));
    });
    const [delta, back] = [new Float32Array(4), new Float32Array(4)];
    encodeDelta(anchor, 0, box, 0, delta, 0);
    decodeDelta(anchor, 0, delta, 0, [200, 200], back, 0);
    near(back, box, 1e-5, 'round trip');
  }
});

test('focal and box loss with their gradients', () => {
  for (const c of golden.losses) {
    const count = c.logits.length / c.classes;
    const weights = Float32Array.from({ length: count }, (_, i) => (c.ignored.includes(i) ? 0 : 1));
    const matches = {
      weights,
      positives: Int32Array.from(c.positives),
      labels: Int32Array.from(c.labels),
      deltas: Float32Array.from(c.wanted),
      normalizer: c.normalizer,
    };
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const [logits, deltas] = [tf.tensor2d(c.logits, [count, c.classes]), tf.tensor2d(c.deltas, [count, 4])];
      const focal = (x: Tensor2D) => focalLoss(x, matches, c.normalizer, c.focal);
      const box = (x: Tensor2D) => boxLoss(x, matches, c.normalizer, { beta: c.beta });
      near(focal(logits).dataSync(), [c.focalLoss], 1e-5, 'focal loss');
      near(box(deltas).dataSync(), [c.boxLoss], 1e-5, 'box loss');
      near(
        tf
          .grad((x) => tf.mul(focal(x as Tensor2D), 2))(logits)
          .dataSync(),
        c.logitsGradient,
        1e-5,
        'focal gradient',
      );
      near(tf.grad((x) => tf.mul(box(x as Tensor2D), 3))(deltas).dataSync(), c.deltasGradient, 1e-5, 'box gradient');
    });
    assert.equal(tf.memory().numTensors, before);
  }
});

test('a batch without objects has a focal loss and a box loss of zero', () => {
  tf.tidy(() => {
    const matches = matchTargets(
      new Float32Array(40),
      [{ boxes: new Float32Array(), labels: new Int32Array() }],
      3,
      thresholds,
    );
    assert.equal(matches.normalizer, 1);
    const logits = tf.zeros([10, 3]) as Tensor2D;
    near(
      focalLoss(logits, matches, 1, { alpha: 0.25, gamma: 2 }).dataSync(),
      [30 * 0.75 * 0.25 * Math.log(2)],
      1e-5,
      'focal',
    );
    const { value, grad } = tf.valueAndGrad((x) => boxLoss(x as Tensor2D, matches, 1, { beta: 0 }))(tf.ones([10, 4]));
    assert.equal(value.dataSync()[0], 0);
    assert.ok(grad.dataSync().every((g) => g === 0));
  });
});

test('targets that do not fit are named', () => {
  const anchors = levelAnchors({ baseScale: 4, scalesPerOctave: 1, ratios: [1] }, 8, [4, 4]);
  const match = (boxes: number[], labels: number[]) => () =>
    matchTargets(anchors, [{ boxes: Float32Array.from(boxes), labels: Int32Array.from(labels) }], 3, thresholds);
  assert.throws(match([0, 0, 9, 9], [3]), /target 0, object 0: label 3 is not one of the model's 3 classes/);
  assert.throws(match([5, 5, 5, 9], [0]), /has no area/);
  assert.throws(match([5, 5, 5], [0]), /4 box numbers are expected, not 3/);
});

test("suppression keeps what torchvision's batched_nms keeps", () => {
  for (const { boxes, scores, labels, kept } of golden.nms) {
    const candidates = {
      boxes: Float32Array.from(boxes),
      scores: Float32Array.from(scores),
      labels: Int32Array.from(labels),
    };
    const result = suppress(candidates, { iouThreshold: 0.5, maximum: 1000 });
    assert.deepEqual([...result.scores], kept.map((i: number) => scores[i]));
    assert.deepEqual([...result.boxes], kept.flatMap((i: number) => boxes.slice(4 * i, 4 * i + 4)));
    assert.deepEqual([...result.labels], kept.map((i: number) => labels[i]));
    assert.equal(suppress(result, { iouThreshold: 0.5, maximum: 1000 }).scores.length, kept.length, 'idempotent');
    assert.deepEqual(suppress(candidates, { iouThreshold: 0.5, maximum: 5 }).scores, result.scores.slice(0, 5));
  }
});

test('detections of two levels are those of mmdet', () => {
  const { anchors, levels, classes, extent, perLevel, maximum, boxes, scores, labels } = golden.detections;
  const [inputWidth, inputHeight] = extent;
  const before = tf.memory().numTensors;
  const outputs = levels.map(([stride, side]: [number, number]) => {
    const cells = side * side * 2;
    const shape = (size: number): [number, number, number, number] => [1, side, side, 2 * size];
    return {
      logits: tf.tensor4d(numbers(`detect${stride}/logits`, cells * classes, -9, 2.5), shape(classes)),
      deltas: tf.tensor4d(numbers(`detect${stride}/deltas`, cells * 4, -0.7, 0.7), shape(4)),
    };
  }) as { logits: Tensor4D; deltas: Tensor4D }[];
  const priors = levels.map(([stride, side]: [number, number]) => levelAnchors(anchors, stride, [side, side]));
  const [found] = detect(outputs, priors, classes, [{ inputWidth, inputHeight }], { perLevel, maximum });
  tf.dispose(outputs);
  assert.deepEqual([...found.labels], labels);
  near(found.scores, scores, 1e-6, 'scores');
  near(found.boxes, boxes, 1e-6, 'boxes');
  assert.equal(tf.memory().numTensors, before);
});

test('detections go back to the original picture', () => {
  const origin = { id: 7, width: 200, height: 100, scaleX: 0.5, scaleY: 0.4, inputWidth: 100, inputHeight: 40 };
  const found = { boxes: Float32Array.of(10, 4, 30, 44), scores: Float32Array.of(0.5), labels: Int32Array.of(1) };
  const categories = [{ id: 3 }, { id: 9 }];
  const [plain] = toCocoDetections([found], [{ ...origin, flipped: false }], categories);
  assert.deepEqual(plain, { image_id: 7, category_id: 9, bbox: [20, 10, 40, 90], score: 0.5 });
  const [mirrored] = toCocoDetections([found], [{ ...origin, flipped: true }], categories);
  assert.deepEqual(mirrored.bbox, [140, 10, 40, 90]);
  assert.throws(
    () => toCocoDetections([found], [{ ...origin, flipped: false }], [{ id: 3 }]),
    /class 1 has no category/,
  );
  assert.throws(() => toCocoDetections([found], [], categories), /1 pictures but 0 origins/);
});
