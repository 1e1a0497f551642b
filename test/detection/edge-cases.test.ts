/**
 * Every family of detectors on batches at the edge of what there can be, against plain PyTorch
 * (test/golden/edge_cases.py): losses and gradients are numbers, and the right ones. What nothing can
 * be learned of, crowds and objects without an area, reaches no detector.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { targetOf } from '../../lib/dist/coco/transforms';
import type { CocoAnnotation } from '../../lib/dist/coco/types';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import type { Target } from '../../lib/dist/data/types';
import { CascadeRcnn } from '../../lib/dist/detection/cascade-rcnn';
import type { Detector } from '../../lib/dist/detection/detector';
import { createDetector, type DetectorConfig } from '../../lib/dist/detection/families';
import { FasterRcnn } from '../../lib/dist/detection/faster-rcnn';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import * as given from './golden';

interface Case {
  images: string;
  /** Width and height of the input, and of the pictures in it. */
  input: [number, number];
  extent: [number, number];
  targets: { boxes: number[]; labels: number[] }[];
  losses: Record<string, number>;
  /** What each loss is divided by. */
  normalizers: number[];
  /** Norm of all gradients together, and their product with the numbers named `<parameter>/probe`. */
  gradient: [number, number];
}

const file = path.join(__dirname, '../golden/edge_cases.json');
const golden = JSON.parse(readFileSync(file, 'utf8')) as Record<
  string,
  { config: DetectorConfig; cases: Record<string, Case> }
>;

/** With the numbers of the golden's network; samplers take the first that there are. */
function detectorOf(config: DetectorConfig): Detector {
  if (config.kind === 'faster-rcnn') return filled(new FasterRcnn(config, { choose: given.firstOf }), 'region');
  if (config.kind === 'cascade-rcnn') return filled(new CascadeRcnn(config, { choose: given.firstOf }), 'region');
  const kind = config.kind === 'fcos' ? 'fcos' : config.kind === 'reppoints' ? 'repPoints' : 'parameter';
  return filled(createDetector(config), kind);
}

function filled(detector: Detector, kind: 'region' | 'fcos' | 'repPoints' | 'parameter'): Detector {
  given.fill(detector as Parameters<typeof given.fill>[0], given[`${kind}Numbers`]);
  return detector;
}

/** Losses and their gradients on a case, its targets or others. */
function hold(detector: Detector, c: Case, targets: Target[] = given.targetsOf(c)): void {
  const [width, height] = c.input;
  const images = tf.tensor4d(given.numbers(c.images, 2 * height * width * 3, -2, 2), [2, height, width, 3]) as Tensor4D;
  const extents = targets.map(() => ({ inputWidth: c.extent[0], inputHeight: c.extent[1] }));
  const trained = detector.parameters.trainable();
  const { value, gradients } = valueAndGradients(() => {
    const outputs = detector.head(detector.pyramid(images, true), { training: true });
    const parts = detector.loss(outputs, targets, { extents });
    assert.deepEqual(Object.keys(parts), Object.keys(c.losses));
    for (const [part, expected] of Object.entries(c.losses)) {
      const [own] = parts[part].value.dataSync();
      assert.ok(Math.abs(own - expected) <= 2e-5 * Math.max(Math.abs(expected), 1e-2), `${part}: ${own}, not ${expected}`);
    }
    given.near(Object.values(parts).map(({ normalizer }) => normalizer), c.normalizers, 1e-6, 'normalizers');
    return tf.addN(Object.values(parts).map((part, i) => tf.mul(part.value, 1 + i))) as Scalar;
  }, trained);
  let [square, product] = [0, 0];
  for (const [i, { name }] of trained.entries()) {
    const own = gradients[i].dataSync();
    assert.ok(own.every(Number.isFinite), name);
    const probe = given.numbers(`${name}/probe`, own.length);
    for (let j = 0; j < own.length; j++) [square, product] = [square + own[j] ** 2, product + own[j] * probe[j]];
  }
  const [norm, along] = c.gradient;
  assert.ok(Math.abs(Math.sqrt(square) - norm) < 1e-4 * norm, `gradients: norm ${Math.sqrt(square)}, not ${norm}`);
  assert.ok(Math.abs(product - along) < 1e-3 * norm, `gradients along the probes: ${product}, not ${along}`);
  tf.dispose([images, value, gradients]);
}

/** A crowd, an object to be ignored, objects outside and at the edge of the picture, and a line, beside `bbox`. */
function annotationsOf(bbox: CocoAnnotation['bbox']): CocoAnnotation[] {
  const annotation = { id: 1, image_id: 1, category_id: 7, area: 9, iscrowd: 0 as const };
  return [
    { ...annotation, bbox: [4, 4, 80, 50], iscrowd: 1 },
    { ...annotation, bbox: [8, 8, 30, 30], ignore: 1 },
    { ...annotation, bbox: [96, 10, 20, 20] },
    { ...annotation, bbox: [-30, 10, 30, 20] },
    { ...annotation, bbox },
    { ...annotation, bbox: [10, 10, 30, 0] },
    { ...annotation, bbox: [10, 10, 0.5, 20] },
  ];
}

for (const [family, { config, cases }] of Object.entries(golden))
  test(`${family}: losses and gradients of batches at the edge are PyTorch's`, async (t) => {
    const detector = detectorOf(config);
    const before = tf.memory().numTensors;
    for (const [name, c] of Object.entries(cases)) await t.test(name, () => hold(detector, c));

    await t.test('crowds, and objects of which nothing is left, are not learned', () => {
      const [width, height] = cases['one object'].extent;
      const whole = { id: 1, width, height, inputWidth: width, inputHeight: height };
      const origin = { ...whole, scaleX: 1, scaleY: 1, flipped: false };
      const [all, one] = [annotationsOf([21, 12, 37, 35]), new Map([[7, 0]])];
      hold(detector, cases['one object'], [targetOf(all, origin, one), targetOf(all.toSpliced(4, 1), origin, one)]);
    });

    await t.test('an object without an area is named', () => {
      const flat = { boxes: Float32Array.of(10, 10, 10, 20), labels: Int32Array.of(0) };
      const none = { boxes: new Float32Array(0), labels: new Int32Array(0) };
      tf.tidy(() => {
        const outputs = detector.head(detector.pyramid(tf.zeros([2, 64, 96, 3]) as Tensor4D, true));
        assert.throws(() => detector.loss(outputs, [none, flat]), /^RangeError: target 1, object 0: .* has no area/);
      });
    });
    assert.equal(tf.memory().numTensors, before);
    detector.dispose();
  });
