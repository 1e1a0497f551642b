/**
 * Which positions of a batch learn, where its pictures differ in size: in every family those that
 * they have in mmdetection (test/golden/padding.py).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Detector } from '../../lib/dist/detection/detector';
import { createDetector, type DetectorConfig } from '../../lib/dist/detection/families';
import type { FasterRcnnOutput } from '../../lib/dist/detection/faster-rcnn';
import { smallFasterRcnnStudent } from '../../lib/dist/detection/faster-rcnn/presets';
import { smallFcosStudent } from '../../lib/dist/detection/fcos/presets';
import { smallRepPointsStudent } from '../../lib/dist/detection/reppoints/presets';
import { smallStudent } from '../../lib/dist/detection/retinanet/presets';
import { tf, type Tensor, type Tensor4D } from '../../lib/dist/tf';

const file = path.join(__dirname, '../golden/padding.json');
const golden = JSON.parse(readFileSync(file, 'utf8')) as {
  /** Height and width. */
  input: [number, number];
  /** Width and height. */
  pictures: [number, number][];
  /** By stride, of each picture: 1 for a position that it has, row by row. */
  flags: Record<string, string[]>;
};
const pictures = golden.pictures.length;
const everywhere = (flags: string[]): string[] => flags.map((own) => '1'.repeat(own.length));
const levels = [3, 4, 5];
const neck = { channels: 4, extraLevels: 2 };
const beyond: [number, number][] = [[1e8, 2e8], [2e8, 3e8]];

/** Five levels, so that the coarsest reach beyond a picture's own padding. */
const families: [string, DetectorConfig, expected: (flags: string[]) => string[]][] = [
  ['RetinaNet', { ...smallStudent, neck }, (flags) => flags],
  [
    "RetinaNet of torchvision's anchors",
    { ...smallStudent, neck, anchors: { ...smallStudent.anchors, wholePixels: true } },
    everywhere,
  ],
  [
    'FCOS',
    {
      ...smallFcosStudent,
      neck,
      assign: { ...smallFcosStudent.assign, ranges: [...smallFcosStudent.assign.ranges, ...beyond] },
    },
    everywhere,
  ],
  [
    'Faster R-CNN',
    {
      ...smallFasterRcnnStudent,
      backbone: { ...smallFasterRcnnStudent.backbone, levels: [2, ...levels] },
      neck: { ...neck, extraLevels: 1, addExtraConvs: 'none' },
      rpn: { ...smallFasterRcnnStudent.rpn, sample: { count: 1e5, share: 0.5 } },
    },
    (flags) => flags,
  ],
  ['RepPoints', { ...smallRepPointsStudent, neck: { ...neck, norm: { groups: 2 } } }, (flags) => flags],
];

/** What a head gives, with other logits of classes or objects. */
function withLogits(outputs: unknown, logits: Tensor[]): unknown {
  if (Array.isArray(outputs)) return outputs.map((output: object, i) => ({ ...output, logits: logits[i] }));
  const { rpn, ...rest } = outputs as FasterRcnnOutput;
  return { ...rest, rpn: rpn.map((output, i) => ({ ...output, objectness: logits[i] })) };
}

/**
 * By stride: of each picture, 1 for a position whose logits the loss of a batch without objects
 * reaches.
 */
function reached(detector: Detector): Record<string, string[]> {
  const { strides, channels } = detector;
  const maps = strides.map((stride) => {
    const [height, width] = golden.input.map((side) => Math.ceil(side / stride));
    return tf.randomNormal([pictures, height, width, channels], 0, 1, 'float32', 1) as Tensor4D;
  });
  const empty = golden.pictures.map(() => ({ boxes: new Float32Array(0), labels: new Int32Array(0) }));
  const extents = golden.pictures.map(([inputWidth, inputHeight], id) => ({ inputWidth, inputHeight, id }));
  const outputs = detector.head(maps);
  const logits = 'rpn' in (outputs as object)
    ? (outputs as FasterRcnnOutput).rpn.map(({ objectness }) => objectness)
    : (outputs as { logits: Tensor4D }[]).map((output) => output.logits);
  const ofClasses = (...given: Tensor[]): Tensor =>
    Object.values(detector.loss(withLogits(outputs, given), empty, { extents }))[0].value;
  const gradients = tf.grads(ofClasses)(logits);
  return Object.fromEntries(gradients.map((gradient, level) => {
    const counts = tf.reshape(tf.any(tf.notEqual(gradient, 0), 3), [pictures, -1]).arraySync() as number[][];
    return [strides[level], counts.map((own) => own.join(''))];
  }));
}

for (const [name, config, expected] of families)
  test(`${name}: the positions that learn are mmdetection's, of small pictures among larger ones`, () => {
    const detector = createDetector(config);
    tf.tidy(() => {
      const own = reached(detector);
      assert.equal(detector.strides.length, 5);
      for (const stride of detector.strides) assert.deepEqual(own[stride], expected(golden.flags[stride]), `${stride}`);
    });
    detector.dispose();
  });
