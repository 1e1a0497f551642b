/** FCOS, plain and tricked, against a plain PyTorch copy (test/golden/fcos.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { detectSettings } from '../../lib/dist/detection/detector';
import { detectFcos } from '../../lib/dist/detection/fcos/detect';
import { Fcos, type FcosConfig } from '../../lib/dist/detection/fcos/network';
import { pointGrids } from '../../lib/dist/detection/points';
import { matchPoints } from '../../lib/dist/detection/fcos/targets';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { fcosNumbers, fill, near, nearDetections, nearGradients, numbers, targetsOf } from './golden';

interface Case {
  config: FcosConfig & { size: [number, number, number] };
  images: string;
  targets: { boxes: number[]; labels: number[] }[];
  /** Of the first picture, a list a level. */
  outputs: Record<'logits' | 'distances' | 'centerness', number[][]>;
  /** Of each picture, the points that learn an object and its class. */
  matched: [number, number][][];
  losses: Record<'classification' | 'box' | 'centerness', number>;
  /** Of class and centerness, and of the box loss. */
  normalizers: [number, number];
  /** Norm, and product with the numbers named `<parameter>/probe`. */
  gradients: Record<string, [number, number]>;
  extent: [number, number];
  detections: { boxes: number[]; scores: number[]; labels: number[] }[];
}

const file = path.join(__dirname, '../golden/fcos.json');
const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  detect: { threshold: number; per_level: number; iou: number; maximum: number };
  cases: Record<string, Case>;
};
const WEIGHTS = { classification: 1, box: 2, centerness: 3 };


for (const [name, c] of Object.entries(golden.cases)) {
  test(`"${name}": the points that learn, outputs, losses, gradients and detections are PyTorch's`, () => {
    const before = tf.memory().numTensors;
    const model = createDetector(c.config) as Fcos;
    assert.ok(model instanceof Fcos);
    fill(model, fcosNumbers);
    const [n, height, width] = c.config.size;
    const images = tf.tensor4d(numbers(c.images, n * height * width * 3, -2, 2), [n, height, width, 3]);
    const targets = targetsOf(c);
    const trained = model.parameters.trainable();
    const { value, gradients } = valueAndGradients(() => {
      const outputs = model.head(model.pyramid(images, true), { training: true });
      for (const [level, output] of outputs.entries())
        for (const [kind, levels] of Object.entries(c.outputs))
          near(tf.slice(output[kind as 'logits' | 'distances' | 'centerness'], 0, 1).dataSync(), levels[level], 2e-5, `${kind} ${level}`);
      const grids = pointGrids(outputs.map(({ logits }) => logits), model.strides, 'middle');
      const matches = matchPoints(grids, targets, c.config.classes, c.config.assign);
      const points = matches.weights.length / n;
      const expected = c.matched.flatMap((rows, i) => rows.map(([point, label]) => [i * points + point, label]));
      assert.deepEqual([...matches.positives].map((point, i) => [point, matches.labels[i]]), expected);
      const extent = { inputWidth: c.extent[0], inputHeight: c.extent[1] };
      const { threshold, per_level: perLevel, iou, maximum } = golden.detect;
      const options = { scoreThreshold: threshold, perLevel, iouThreshold: iou, maximum };
      const found = model.detect(outputs, targets.map(() => extent), options);
      nearDetections(found, c.detections, { score: 1e-5, box: 1e-3 });
      const parts = model.loss(outputs, targets);
      for (const [part, expectedLoss] of Object.entries(c.losses))
        near(parts[part as keyof typeof parts].value.dataSync(), [expectedLoss], 1e-5, part);
      const [count, weight] = c.normalizers;
      near(Object.values(parts).map(({ normalizer }) => normalizer), [count, weight, count], 1e-6, 'normalizers');
      const weighted = Object.entries(WEIGHTS).map(([part, factor]) =>
        tf.mul(parts[part as keyof typeof parts].value, factor),
      );
      return tf.addN(weighted) as Scalar;
    }, trained);
    nearGradients(trained, gradients, c.gradients);
    tf.dispose([images, value, gradients]);
    model.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
}

test('a batch without objects has a class loss only, and no gradient is not a number', () => {
  const { config } = golden.cases.tricked;
  const model = new Fcos(config);
  const images = tf.zeros([1, 64, 64, 3]) as Tensor4D;
  const empty = [{ boxes: new Float32Array(0), labels: new Int32Array(0) }];
  const { value, gradients } = valueAndGradients(() => {
    const { classification, box, centerness } = model.loss(model.head(model.pyramid(images, true)), empty);
    assert.equal(box.value.dataSync()[0], 0);
    assert.equal(centerness.value.dataSync()[0], 0);
    return tf.addN([classification.value, box.value, centerness.value]) as Scalar;
  }, model.parameters.trainable());
  assert.ok(gradients.every((gradient) => gradient.dataSync().every(Number.isFinite)));
  tf.dispose([images, value, gradients]);
  model.dispose();
});

test('a range of distances has both its ends: mmdet learns an object of 24 pixels a side on both levels', () => {
  const maps = [8, 4].map((side) => ({ shape: [1, side, side, 1] as [number, number, number, number] }));
  const grids = pointGrids(maps, [8, 16], 'middle');
  const learned = (...box: number[]): number[] => {
    const targets = [{ boxes: Float32Array.from(box), labels: Int32Array.of(0) }];
    const assign = { ranges: [[-1, 24], [24, 44]] as [number, number][], centerRadius: 0 };
    return [...matchPoints(grids, targets, 1, assign).positives];
  };
  assert.ok(learned(4, 4, 52, 52).includes(3 * 8 + 3), 'the point at 28, 28 of the finer level');
  assert.ok(learned(0, 0, 48, 48).includes(8 * 8 + 4 + 1), 'the point at 24, 24 of the coarser level');
});

test('ranges must be given for every pyramid level', () => {
  const { config } = golden.cases.plain;
  const assign = { ...config.assign, ranges: config.assign.ranges.slice(1) };
  assert.throws(() => new Fcos({ ...config, assign }), /assign\.ranges has 2 levels, the pyramid 3/);
});

test('a class score is held against the threshold before the centerness is multiplied in', () => {
  const grids = pointGrids([{ shape: [1, 1, 2] }], [8]);
  const logit = (p: number): number => Math.log(p / (1 - p));
  const logits = tf.tensor4d([logit(0.06), logit(0.04)], [1, 1, 2, 1]);
  const [distances, centerness] = [tf.ones([1, 1, 2, 4]) as Tensor4D, tf.zeros([1, 1, 2, 1]) as Tensor4D];
  const output = { logits, distances, centerness };
  const [found] = detectFcos([output], grids, [4], [{ inputWidth: 16, inputHeight: 8 }], detectSettings({}));
  assert.deepEqual([...found.boxes], [0, 0, 8, 8]);
  near(found.scores, [0.03], 1e-5, 'score');
  tf.dispose(Object.values(output));
});
