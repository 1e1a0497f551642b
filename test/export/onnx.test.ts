/** What onnxruntime makes of an exported detector against what the detector makes of itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ort from 'onnxruntime-node';
import type { Detections, PictureDetector, tf } from 'freekd';
import { onnxBytes } from '../../lib/dist/export/onnx';
import { change, exportable, names, outputsOf, picture, size } from './detectors';


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
  const levels = outputsOf(detector);
  const [found] = detector.detect(levels, [{ inputWidth: size.width, inputHeight: size.height }]);
  return { found, levels };
}

function sameDetections(found: Record<string, ort.Tensor>, expected: Detections): void {
  assert.deepEqual([...(found.labels.data as BigInt64Array)].map(Number), [...expected.labels]);
  near(numbers(found.scores), expected.scores, 'score');
  near(numbers(found.boxes), expected.boxes, 'box');
  assert.deepEqual(found.boxes.dims, [expected.labels.length, 4]);
}

const numbers = (tensor: ort.Tensor): Float32Array => tensor.data as Float32Array;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

for (const name of names)
  test(`${name}: the graph equals the detector within 1e-4`, async () => {
    const stored = exportable(name);
    const { found, levels } = own(stored);
    assert.ok(found.labels.length > 20, `${found.labels.length} detections`);
    sameDetections(await run(onnxBytes(stored)), found);

    const { boxes, logits, centerness } = await run(onnxBytes(stored, { nms: 'beside' }));
    for (const [field, tensor] of Object.entries({ logits, centerness }))
      if (tensor) near(numbers(tensor), levels.flatMap((level) => [...level[field].dataSync()]), field);
    const [rows, classes] = logits.dims;
    assert.deepEqual(boxes.dims, [rows, 4]);
    const score = (row: number, label: number): number =>
      sigmoid(numbers(logits)[row * classes + label]) * (centerness ? sigmoid(numbers(centerness)[row]) : 1);
    for (const [i, label] of found.labels.entries()) {
      const isBox = (row: number): boolean =>
        found.boxes.subarray(4 * i, 4 * i + 4).every((side, k) => Math.abs(side - numbers(boxes)[4 * row + k]) < 1e-4);
      const own = Array.from({ length: rows }, (_, row) => row).filter(isBox);
      assert.ok(own.some((row) => Math.abs(score(row, label) - found.scores[i]) < 1e-4), `detection ${i} is no row`);
    }
    stored.detector.dispose();
  });

for (const name of ['the small student', 'FCOS with corner points, no scales, five levels'])
  test(`${name}: equal scores keep their order across classes, and nothing found is no row`, async () => {
    const stored = exportable(name);
    change(stored.detector, (parameter, old) =>
      /(_cls|_centerness)\.(weight|bias)$/.test(parameter) ? (parameter.endsWith('bias') ? 2 : 0) : old,
    );
    const { found } = own(stored);
    assert.equal(new Set(found.scores).size, 1);
    assert.ok(new Set(found.labels).size > 1);
    sameDetections(await run(onnxBytes(stored)), found);
    change(stored.detector, (parameter, old) => (/_cls\.bias$/.test(parameter) ? -9 : old));
    const nothing = await run(onnxBytes(stored));
    assert.deepEqual([nothing.boxes.dims, nothing.scores.dims, nothing.labels.dims], [[0, 4], [0], [0]]);
    stored.detector.dispose();
  });
