/**
 * RepPoints by moments, with and without a deformable backbone, against a plain PyTorch copy
 * (test/golden/reppoints.py).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { pointGrids } from '../../lib/dist/detection/points';
import { detectRepPoints } from '../../lib/dist/detection/reppoints/detect';
import { RepPoints, type RepPointsConfig } from '../../lib/dist/detection/reppoints';
import { momentBoxes, POINTS } from '../../lib/dist/detection/reppoints/moments';
import { nearestPoints } from '../../lib/dist/detection/reppoints/nearest-points';
import { repPointsX101Deformable } from '../../lib/dist/detection/reppoints/presets';
import { matchRepPoints } from '../../lib/dist/detection/reppoints/targets';
import { createBackbone } from '../../lib/dist/backbone/backbone';
import type { OnResNet } from '../../lib/dist/backbone/resnet';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { Parameters } from '../../lib/dist/core/parameters';
import { Random } from '../../lib/dist/core/random';
import { tf, type Scalar, type Tensor1D, type Tensor2D, type Tensor4D } from '../../lib/dist/tf';
import { fill, near, nearDetections, nearGradients, numbers, repPointsNumbers, targetsOf } from './golden';

/** Of one stage and picture: a point and its object, or -2 where the point learns nothing. */
type Learned = [point: number, object: number][];

interface Case {
  config: OnResNet<RepPointsConfig> & { size: [number, number, number] };
  images: string;
  /** Width and height of each picture in the padded input. */
  extents: [number, number][];
  targets: { boxes: number[]; labels: number[] }[];
  /** Of the first picture, a list a level. */
  pyramid: number[][];
  outputs: Record<'logits' | 'initial' | 'refined', number[][]>;
  /** Of each picture. */
  matched: [initial: Learned, refined: Learned][];
  losses: Record<'classification' | 'initialBox' | 'box', number>;
  normalizers: number[];
  /** Norm, and product with the numbers named `<parameter>/probe`. */
  gradients: Record<string, [number, number]>;
  detections: { boxes: number[]; scores: number[]; labels: number[] }[];
}

const file = path.join(__dirname, '../golden/reppoints.json');
const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  detect: { threshold: number; per_level: number; iou: number; maximum: number };
  cases: Record<string, Case>;
};
const WEIGHTS = { classification: 1, initialBox: 2, box: 3 };

const extentsOf = ({ extents }: Case) => extents.map(([inputWidth, inputHeight]) => ({ inputWidth, inputHeight }));

for (const [name, c] of Object.entries(golden.cases)) {
  test(`"${name}": outputs, what points learn, losses, gradients and detections are PyTorch's`, () => {
    const before = tf.memory().numTensors;
    const model = createDetector(c.config) as RepPoints;
    assert.ok(model instanceof RepPoints);
    fill(model, repPointsNumbers);
    const [n, height, width] = c.config.size;
    const images = tf.tensor4d(numbers(c.images, n * height * width * 3, -2, 2), [n, height, width, 3]);
    const [targets, extents] = [targetsOf(c), extentsOf(c)];
    const trained = model.parameters.trainable();
    const { value, gradients } = valueAndGradients(() => {
      const pyramid = model.pyramid(images, true);
      const outputs = model.head(pyramid, { training: true });
      const first = (map: Tensor4D) => tf.slice(map, 0, 1).dataSync();
      for (const [level, map] of pyramid.entries()) near(first(map), c.pyramid[level], 2e-5, `pyramid ${level}`);
      for (const [level, output] of outputs.entries())
        for (const [kind, levels] of Object.entries(c.outputs))
          near(first(output[kind as keyof typeof output]), levels[level], 2e-5, `${kind} ${level}`);
      const { threshold, per_level: perLevel, iou, maximum } = golden.detect;
      const options = { scoreThreshold: threshold, perLevel, iouThreshold: iou, maximum };
      nearDetections(model.detect(outputs, extents, options), c.detections, { score: 1e-5, box: 1e-3 });
      const parts = model.loss(outputs, targets, { extents });
      for (const [part, expected] of Object.entries(c.losses))
        near(parts[part as keyof typeof parts].value.dataSync(), [expected], 1e-5, part);
      assert.deepEqual(Object.values(parts).map(({ normalizer }) => normalizer), c.normalizers);
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

  test(`"${name}": both stages are assigned as in mmdet, beyond the picture too`, () => {
    const model = new RepPoints(c.config);
    fill(model, repPointsNumbers);
    const [n, height, width] = c.config.size;
    tf.tidy(() => {
      const images = tf.tensor4d(numbers(c.images, n * height * width * 3, -2, 2), [n, height, width, 3]);
      const outputs = model.head(model.pyramid(images, true));
      const grids = pointGrids(outputs.map(({ logits }) => logits), model.strides, 'corner');
      const transfer = model.parameters.get('bbox_head.moment_transfer').value as Tensor1D;
      const points = outputs.map(({ initial }) => tf.reshape(initial, [n, -1, 2 * POINTS]));
      const initialBoxes = momentBoxes(tf.reshape(tf.concat(points, 1), [-1, 2 * POINTS]), transfer);
      const cells = c.extents.map((extent) =>
        grids.map((grid) => {
          const [columns, rows] = extent.map((side) => Math.ceil((32 * Math.ceil(side / 32)) / grid.stride));
          return { width: Math.min(grid.width, columns), height: Math.min(grid.height, rows) };
        }),
      );
      const { classes, assign } = c.config;
      const targets = targetsOf(c);
      const data = initialBoxes.dataSync() as Float32Array;
      const { initial, refined } = matchRepPoints(grids, targets, classes, assign, data, cells);
      const count = refined.weights.length / n;
      const of = (stage: 0 | 1, keep: (object: number) => boolean): Learned =>
        c.matched.flatMap((stages, i) =>
          stages[stage].filter(([, object]) => keep(object)).map(([point, object]): [number, number] => [
            i * count + point,
            object,
          ]),
        );
      const learned = (stage: 0 | 1) => of(stage, (object) => object >= 0);
      assert.deepEqual([...initial.positives], learned(0).map(([point]) => point));
      assert.deepEqual([...refined.positives], learned(1).map(([point]) => point));
      assert.deepEqual(
        [...refined.labels],
        learned(1).map(([point, object]) => targets[Math.floor(point / count)].labels[object]),
      );
      const silent = [...refined.weights.keys()].filter((point) => refined.weights[point] === 0);
      assert.deepEqual(silent, of(1, (object) => object === -2).map(([point]) => point));
    });
    model.dispose();
  });
}

test('of two objects with one nearest point the nearer is learned; an object between points has the first', () => {
  const grids = pointGrids([{ shape: [1, 4, 4, 1] }, { shape: [1, 2, 2, 1] }], [8, 16], 'corner');
  const boxes = [4, 4, 14, 14, 3, 3, 13, 13, 0, 0, 40, 40, 18, 2, 22, 6];
  const { positives, objects } = nearestPoints(grids, Float32Array.from(boxes), 2, grids);
  // Centres (9, 9), (8, 8), (20, 20) and (20, 4): the second is on the point at (8, 8); the third
  // belongs to the level of stride 16; the last is as far from x = 16 as from 24, from y = 0 as from 8.
  assert.deepEqual([positives, objects], [[2, 5, 19], [3, 1, 2]]);
});

test('a batch without objects has a class loss only, and points that coincide have a finite gradient', () => {
  const { config } = golden.cases.deformable;
  const model = new RepPoints(config);
  const images = tf.zeros([1, 64, 64, 3]) as Tensor4D;
  const step = (boxes: number[]) =>
    valueAndGradients(() => {
      const targets = [{ boxes: Float32Array.from(boxes), labels: new Int32Array(boxes.length / 4) }];
      const { classification, initialBox, box } = model.loss(model.head(model.pyramid(images, true)), targets);
      if (boxes.length === 0) assert.deepEqual([initialBox.value.dataSync()[0], box.value.dataSync()[0]], [0, 0]);
      return tf.addN([classification.value, initialBox.value, box.value]) as Scalar;
    }, model.parameters.trainable());
  for (const boxes of [[], [10, 10, 40, 40]]) {
    const { value, gradients } = step(boxes);
    assert.ok(gradients.every((gradient) => gradient.dataSync().every(Number.isFinite)));
    tf.dispose([value, gradients]);
  }
  images.dispose();
  model.dispose();
});

test('a box by moments has the mean as its centre and the unbiased deviation as half its size', () => {
  tf.tidy(() => {
    const points = tf.tensor2d([0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((i) => [2 * i, i]), [1, 18]); // y = 2 x
    const deviation = Math.sqrt(60 / 8); // of 0 to 8
    const boxes = momentBoxes(points as Tensor2D, tf.tensor1d([Math.log(2), 0]));
    near(boxes.dataSync(), [4 - 2 * deviation, 8 - 2 * deviation, 4 + 2 * deviation, 8 + 2 * deviation], 1e-6, 'box');
  });
});

test('ResNeXt-101 32x4d has deformable convolutions in stages 2 to 4, which start as plain ones', () => {
  const parameters = new Parameters();
  createBackbone(parameters, repPointsX101Deformable.backbone, new Random(0));
  const offsets = parameters.all().filter(({ name }) => name.includes('conv_offset'));
  assert.equal(offsets.length, 2 * (4 + 23 + 3));
  assert.ok(offsets.every(({ name }) => /^backbone\.layer[234]\.\d+\.conv2\.conv_offset\.(weight|bias)$/.test(name)));
  assert.deepEqual(parameters.get('backbone.layer2.0.conv2.conv_offset.weight').shape, [3, 3, 256, 18]);
  assert.deepEqual(parameters.get('backbone.layer2.0.conv2.weight').shape, [3, 3, 8, 256]);
  assert.ok(offsets.every(({ value }) => value.dataSync().every((x) => x === 0)));
  parameters.dispose();
});

test('deformable stages must be of bottlenecks that are there', () => {
  const { config } = golden.cases.deformable;
  const plain = { ...config.backbone, groups: 1, widthPerGroup: 64 };
  const within = (deformableStages: number[], block = plain.block) => () =>
    new RepPoints({ ...config, backbone: { ...plain, block, deformableStages } });
  assert.throws(within([2], 'basic'), /deformableStages 2 are for the block 'bottleneck'/);
  assert.throws(within([5]), /deformableStages: 5 is not one of its 4 stages/);
});

test('only a class score above the threshold counts', () => {
  const grids = pointGrids([{ shape: [1, 1, 2] }], [8], 'corner');
  const boxes = Float32Array.of(0, 0, 0.5, 0.5, 0, 0, 0.5, 0.5);
  const extents = [{ inputWidth: 16, inputHeight: 8 }];
  const [found] = detectRepPoints(Float32Array.of(0.04, 0.06), boxes, 1, grids, extents);
  assert.deepEqual([...found.boxes], [8, 0, 12, 4]);
  near(found.scores, [0.06], 1e-6, 'score');
});
