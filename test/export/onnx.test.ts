/** What onnxruntime makes of an exported detector against what the detector makes of itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ort from 'onnxruntime-node';
import type { Detections, DetectorConfig, PictureDetector, tf } from 'freekd';
import { onnxBytes } from '../../lib/dist/export/onnx';
import { change, exportable, levelsOf, names, outputsOf, picture, size } from './detectors';


/** What the graph gives for the picture, by the names of its outputs. */
async function run(bytes: Uint8Array): Promise<Record<string, ort.Tensor>> {
  const session = await ort.InferenceSession.create(bytes);
  assert.deepEqual(session.inputNames, ['picture']);
  const input = new ort.Tensor('uint8', picture.data, [1, size.height, size.width, 3]);
  const outputs = await session.run({ picture: input });
  await session.release();
  return outputs;
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++)
    assert.ok(Math.abs(found[i] - expected[i]) <= 1e-4, `${what} ${i}: ${found[i]}, not ${expected[i]}`);
}

/** What the detector finds, and the outputs of its head. */
function own({ detector }: PictureDetector): { found: Detections; levels: Record<string, tf.Tensor4D>[] } {
  const outputs = outputsOf(detector);
  const [found] = detector.detect(outputs, [{ inputWidth: size.width, inputHeight: size.height }]);
  return { found, levels: levelsOf(outputs) };
}

function sameDetections(found: Record<string, ort.Tensor>, expected: Detections): void {
  assert.deepEqual([...(found.labels.data as BigInt64Array)].map(Number), [...expected.labels]);
  near(numbers(found.scores), expected.scores, 'score');
  near(numbers(found.boxes), expected.boxes, 'box');
  assert.deepEqual(found.boxes.dims, [expected.labels.length, 4]);
}

const numbers = (tensor: ort.Tensor): Float32Array => tensor.data as Float32Array;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** What a graph leaves to its caller: the score of a class of a row. */
function scoresOf(
  { logits, centerness }: Record<string, ort.Tensor>,
  classes: number,
): (row: number, label: number) => number {
  const [, columns] = logits.dims;
  const values = numbers(logits);
  if (columns === classes)
    return (row, label) =>
      sigmoid(values[row * columns + label]) * (centerness ? sigmoid(numbers(centerness)[row]) : 1);
  return (row, label) => {
    const powers = values.subarray(row * columns, (row + 1) * columns).map(Math.exp);
    return powers[label] / powers.reduce((sum, power) => sum + power);
  };
}

for (const name of names)
  test(`${name}: the graph equals the detector within 1e-4`, async () => {
    const stored = exportable(name);
    const { found, levels } = own(stored);
    assert.ok(found.labels.length > 20, `${found.labels.length} detections`);
    sameDetections(await run(onnxBytes(stored)), found);

    const beside = await run(onnxBytes(stored, { nms: 'beside' }));
    const { boxes, logits, centerness } = beside;
    for (const [field, tensor] of Object.entries({ logits, centerness }))
      if (tensor && field in levels[0])
        near(numbers(tensor), levels.flatMap((level) => [...level[field].dataSync()]), field);
    const { classes } = stored.detector.config as DetectorConfig;
    const [rows] = logits.dims;
    const ofClass = boxes.dims.length === 3;
    assert.deepEqual(boxes.dims, ofClass ? [rows, classes, 4] : [rows, 4]);
    const score = scoresOf(beside, classes);
    for (const [i, label] of found.labels.entries()) {
      const isBox = (row: number): boolean => {
        const at = 4 * (ofClass ? row * classes + label : row);
        const sides = found.boxes.subarray(4 * i, 4 * i + 4);
        return sides.every((side, k) => Math.abs(side - numbers(boxes)[at + k]) < 1e-4);
      };
      const own = Array.from({ length: rows }, (_, row) => row).filter(isBox);
      assert.ok(own.some((row) => Math.abs(score(row, label) - found.scores[i]) < 1e-4), `detection ${i} is no row`);
    }
    stored.detector.dispose();
  });

for (const name of [
  'the small student',
  'FCOS with corner points, no scales, five levels',
  'Faster R-CNN with anchors of three shapes on five levels',
  'Cascade R-CNN of two heads',
  'the small RepPoints student',
])
  test(`${name}: equal scores keep their order across classes, and nothing found is no row`, async () => {
    const stored = exportable(name);
    change(stored.detector, (parameter, old) =>
      /_(cls|cls_out|centerness)\.(weight|bias)$/.test(parameter) ? (parameter.endsWith('bias') ? 2 : 0) : old,
    );
    const { found } = own(stored);
    assert.equal(new Set(found.scores).size, 1);
    assert.ok(new Set(found.labels).size > 1);
    sameDetections(await run(onnxBytes(stored)), found);
    change(stored.detector, (parameter, old, last) =>
      /(fc_cls|retina_cls|conv_cls|cls_out)\.bias$/.test(parameter) ? (last && /fc_cls/.test(parameter) ? 20 : -9) : old,
    );
    const nothing = await run(onnxBytes(stored));
    assert.deepEqual([nothing.boxes.dims, nothing.scores.dims, nothing.labels.dims], [[0, 4], [0], [0]]);
    stored.detector.dispose();
  });

for (const name of ['the small Faster R-CNN student', 'the small Cascade R-CNN student'])
  test(`${name}: no region proposed is no row`, async () => {
    const stored = exportable(name);
    change(stored.detector, (parameter, old) => (/rpn_reg\.bias$/.test(parameter) ? 1000 : old));
    assert.equal(own(stored).found.labels.length, 0);
    const { boxes, logits } = await run(onnxBytes(stored, { nms: 'beside' }));
    assert.deepEqual([boxes.dims[0], logits.dims[0]], [0, 0]);
    assert.deepEqual((await run(onnxBytes(stored))).labels.dims, [0]);
    stored.detector.dispose();
  });
