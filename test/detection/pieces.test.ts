/**
 * Anchors, boxes, assignment, losses and suppression, each against mmdet's or torchvision's
 * answers.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  anchorGrid,
  type AnchorGrid,
  AnchorGrids,
  baseAnchors,
  type Cells,
  cellsOf,
} from '../../lib/dist/detection/anchors';
import { assign } from '../../lib/dist/detection/assign';
import { decodeDelta, encodeDelta, iou } from '../../lib/dist/detection/boxes';
import { detect } from '../../lib/dist/detection/retinanet/detect';
import { boxLoss } from '../../lib/dist/detection/box-loss';
import { focalLoss } from '../../lib/dist/detection/focal-loss';
import { suppress } from '../../lib/dist/detection/nms';
import { best, bestOfRows } from '../../lib/dist/detection/scores';
import { toCocoDetections } from '../../lib/dist/coco/detections';
import { matchTargets } from '../../lib/dist/detection/retinanet/targets';
import { Random } from '../../lib/dist/core/random';
import { tf, type Tensor, type Tensor2D, type Tensor4D } from '../../lib/dist/tf';
import { golden, near, numbers } from './golden';

const [BACKGROUND, IGNORED] = [-1, -2];
const thresholds = { positive: 0.5, negative: 0.4 };

test('anchors are those of mmdet, to the last bit', () => {
  for (const { config, stride, size, anchors } of golden.anchors)
    assert.deepEqual(anchorGrid(config, stride, size).boxes, Float32Array.from(anchors));
});

test('grids are kept for the sizes of input that were met last, not for all', () => {
  const grids = new AnchorGrids({ baseScale: 4, scalesPerOctave: 1, ratios: [1] }, [8]);
  const of = (width: number): AnchorGrid => grids.of([{ shape: [1, 2, width, 1] }])[0];
  const [first, second] = [of(1), of(2)];
  for (let width = 3; width <= 8; width++) of(width);
  assert.equal(of(1), first, 'the eight last ones');
  of(9);
  assert.equal(of(1), first, 'met again, so not the one that was met longest ago');
  assert.notEqual(of(2), second);
  assert.deepEqual(of(2), second);
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
    const grids = [8, 16, 32].map((stride) => anchorGrid(config, stride, [128 / stride, 128 / stride]));
    const { positives, objects, ignored } = assign(grids, Float32Array.from(boxes), thresholds);
    const found = positives.map((anchor, i) => [anchor, objects[i]]);
    found.push(...ignored.map((anchor) => [anchor, IGNORED]));
    assert.deepEqual(found.sort(([a], [b]) => a - b), notBackground);
  }
});

test('without objects everything is background; an object out of reach of all anchors gets none', () => {
  const grids = [anchorGrid({ baseScale: 1, scalesPerOctave: 1, ratios: [1] }, 8, [4, 4])];
  const none = { positives: [], objects: [], ignored: [] };
  assert.deepEqual(assign(grids, new Float32Array(), thresholds), none);
  assert.deepEqual(assign(grids, Float32Array.of(100, 100, 110, 110), thresholds), none);
});

test('assignment by grids is that of every anchor with every object', () => {
  const random = new Random('assignment');
  const config = { baseScale: 4, scalesPerOctave: 3, ratios: [0.5, 1, 2] };
  let [ties, several] = [0, 0];
  for (let round = 0; round < 60; round++) {
    const [h, w] = [1 + random.int(9), 1 + random.int(9)];
    const settings = round % 3 === 0 ? { ...config, scalesPerOctave: 1, wholePixels: true } : config;
    const input = [32 * h, 32 * w] as const;
    const grids = [8, 16, 32, 64, 128].map((stride) =>
      anchorGrid(settings, stride, [Math.ceil(input[0] / stride), Math.ceil(input[1] / stride)], input),
    );
    const cells = grids.map(({ height, width }) =>
      round % 2 === 0 ? { height, width } : { height: Math.ceil(height * 0.7), width: Math.ceil(width / 2) },
    );
    const whole = round % 4 < 2; // whole multiples of 8 meet anchors' edges, and tie
    const side = (limit: number): number =>
      whole ? 8 * (1 + random.int(Math.ceil(limit / 8))) : random.uniform(0.01, limit);
    const boxes = new Float32Array(4 * random.int(13));
    for (let at = 0; at < boxes.length; at += 4)
      for (const axis of [0, 1]) {
        const extent = input[1 - axis];
        const size = side(extent);
        const from = random.uniform(-0.2, 0.9) * extent;
        boxes[at + axis] = whole ? 8 * Math.round(from / 8) : from;
        boxes[at + axis + 2] = boxes[at + axis] + size;
      }
    const found = assign(grids, boxes, thresholds, cells);
    const expected = bruteForce(grids, cells, boxes, thresholds);
    assert.deepEqual([found.positives, found.objects], [expected.positives, expected.objects], `round ${round}`);
    assert.deepEqual([...found.ignored].sort((a, b) => a - b), expected.ignored, `round ${round}`);
    ties += expected.ties;
    several += Number(expected.positives.length > boxes.length / 4);
  }
  assert.ok(ties > 20 && several > 20, `${ties} ties, ${several} rounds of several anchors an object`);
});

/** mmdet's rule, by every anchor with every object. */
function bruteForce(
  grids: AnchorGrid[],
  cells: Cells[],
  boxes: Float32Array,
  { positive, negative }: typeof thresholds,
): ReturnType<typeof assign> & { ties: number } {
  const overlaps = grids.flatMap((grid, level) =>
    Array.from({ length: grid.boxes.length / 4 }, (_, anchor) => {
      const cell = Math.floor(anchor / (grid.base.length / 4));
      const [y, x] = [Math.floor(cell / grid.width), cell % grid.width];
      const inside = y < cells[level].height && x < cells[level].width;
      return Array.from({ length: boxes.length / 4 }, (_, object) =>
        inside ? iou(boxes, object, grid.boxes, anchor) : 0,
      );
    }),
  );
  const assigned = overlaps.map((row) => {
    const best = Math.max(0, ...row);
    if (best >= Math.fround(positive)) return row.indexOf(best);
    return best < Math.fround(negative) ? BACKGROUND : IGNORED;
  });
  let ties = 0;
  for (let object = 0; object < boxes.length / 4; object++) {
    const best = overlaps.reduce((most, row) => Math.max(most, row[object]), 0);
    const closest = overlaps.flatMap((row, anchor) => (best > 0 && row[object] === best ? [anchor] : []));
    for (const anchor of closest) assigned[anchor] = object;
    ties += Number(closest.length > 1);
  }
  const positives = assigned.flatMap((object, anchor) => (object >= 0 ? [anchor] : []));
  const ignored = assigned.flatMap((object, anchor) => (object === IGNORED ? [anchor] : []));
  return { positives, objects: positives.map((anchor) => assigned[anchor]), ignored, ties };
}

test('anchors over padding learn nothing, as in mmdet: a picture counts as padded to 32', () => {
  const config = { baseScale: 4, scalesPerOctave: 1, ratios: [1] };
  const grids = [8, 64].map((stride) => anchorGrid(config, stride, [128 / stride, 192 / stride]));
  const cells = [8, 64].map((stride, level) =>
    cellsOf(grids[level], stride, config, { inputHeight: 128, inputWidth: 65 }),
  );
  assert.deepEqual(cells, [{ height: 16, width: 12 }, { height: 2, width: 2 }]); // 65 counts as 96
  const target = { boxes: Float32Array.of(70, 40, 120, 90), labels: Int32Array.of(0) }; // most of it beyond
  const { weights, positives } = matchTargets(grids, [target, target], 1, thresholds, [cells, grids]);
  const perPicture = 16 * 24 + 2 * 3;
  const column = (anchor: number): [level: number, x: number] =>
    anchor < 16 * 24 ? [0, anchor % 24] : [1, (anchor - 16 * 24) % 3];
  for (let anchor = 0; anchor < perPicture; anchor++) {
    const [level, x] = column(anchor);
    if (x >= cells[level].width) assert.equal(weights[anchor], 0, `anchor ${anchor}`);
  }
  assert.ok([...positives].filter((index) => index < perPicture).every((anchor) => {
    const [level, x] = column(anchor);
    return x < cells[level].width;
  }));
  assert.ok(positives[0] < perPicture && positives[positives.length - 1] >= perPicture, 'both pictures have one');
  assert.ok(weights.subarray(perPicture).filter((weight) => weight === 1).length > 16 * 24 - 20, 'the other has all');
  const all = cellsOf(grids[0], 8, { ...config, wholePixels: true }, { inputHeight: 128, inputWidth: 65 });
  assert.deepEqual(all, { height: 16, width: 24 }, 'torchvision trains on all');
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

/** [places, classes] as the map of one picture and level. */
const asMap = (logits: Tensor, classes: number): Tensor4D => tf.reshape(logits, [1, 1, -1, classes]);

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
      const focal = (x: Tensor) => focalLoss([asMap(x, c.classes)], c.classes, matches, c.normalizer, c.focal);
      const box = (x: Tensor2D) => boxLoss(x, matches, c.normalizer, { beta: c.beta });
      near(focal(logits).dataSync(), [c.focalLoss], 1e-5, 'focal loss');
      near(box(deltas).dataSync(), [c.boxLoss], 1e-5, 'box loss');
      near(
        tf
          .grad((x) => tf.mul(focal(x), 2))(logits)
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

test('focal loss of more logits than are worked on at a time is that of its parts', () => {
  const [anchors, classes] = [50_000, 43]; // 2.15 million
  const focal = { alpha: 0.25, gamma: 2 };
  tf.tidy(() => {
    const logits = tf.tensor2d(numbers('many/logits', anchors * classes, -4, 4), [anchors, classes]);
    const matchesOf = (from: number, count: number) => ({
      weights: Float32Array.from({ length: count }, (_, i) => Number((from + i) % 7 !== 3)),
      positives: Int32Array.from({ length: count / 500 }, (_, i) => 500 * i),
      labels: Int32Array.from({ length: count / 500 }, (_, i) => (from / 500 + i) % classes),
      deltas: new Float32Array(),
      normalizer: 100,
    });
    const slopes = (from: number, count: number) => {
      const part = tf.slice(logits, from, count);
      const matches = matchesOf(from, count);
      const { value, grad } = tf.valueAndGrad((x) =>
        focalLoss([asMap(x, classes)], classes, matches, 100, focal),
      )(part);
      return { value: value.dataSync()[0], grad: grad.dataSync() };
    };
    const whole = slopes(0, anchors);
    const parts = Array.from({ length: 10 }, (_, i) => slopes(i * 5000, 5000));
    near([whole.value], [parts.reduce((sum, { value }) => sum + value, 0)], 1e-5, 'loss');
    near(whole.grad, parts.flatMap(({ grad }) => [...grad]), 1e-6, 'gradient');
  });
});

test('a batch without objects has a focal loss and a box loss of zero', () => {
  tf.tidy(() => {
    const matches = matchTargets(
      [anchorGrid({ baseScale: 4, scalesPerOctave: 1, ratios: [1] }, 8, [2, 5])],
      [{ boxes: new Float32Array(), labels: new Int32Array() }],
      3,
      thresholds,
    );
    assert.equal(matches.normalizer, 1);
    const logits = tf.zeros([1, 2, 5, 3]) as Tensor4D;
    near(
      focalLoss([logits], 3, matches, 1, { alpha: 0.25, gamma: 2 }).dataSync(),
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
  const anchors = [anchorGrid({ baseScale: 4, scalesPerOctave: 1, ratios: [1] }, 8, [4, 4])];
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
  const priors = levels.map(([stride, side]: [number, number]) => anchorGrid(anchors, stride, [side, side]).boxes);
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

test('the best of rows are those that sorting gives: equal ones in their order, NaN last', () => {
  const rows = [0, 1, 2].map((row) => numbers(`rows/${row}`, 300, 0, 1).map((v) => Math.round(40 * v) / 40));
  for (const place of [0, 7, 299]) rows[2][place] = NaN;
  for (const maximum of [1, 50, 299, 300, 400]) {
    const before = tf.memory().numTensors;
    const table = tf.tidy(() => tf.stack(rows.map((row) => tf.tensor1d(row))) as Tensor2D);
    const found = bestOfRows(table, maximum);
    const [scores, places] = [found.scores.arraySync(), found.places.arraySync()];
    tf.dispose([table, found.scores, found.places]);
    assert.equal(tf.memory().numTensors, before);
    for (const [n, row] of rows.entries()) {
      const finite = row.map((score) => (Number.isNaN(score) ? 0 : score));
      const expected = best(finite, maximum);
      assert.deepEqual(places[n], expected);
      assert.deepEqual(scores[n], expected.map((i) => finite[i]));
    }
  }
});
