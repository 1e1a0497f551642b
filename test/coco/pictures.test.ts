/**
 * Decoding, resizing and the whole way from file to network input, against OpenCV
 * (test/golden/pictures.py).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decode } from '../../lib/dist/coco/image';
import { resizeAntialias, resizeBilinear } from '../../lib/dist/coco/resize';
import {
  fill,
  IMAGENET,
  inputSize,
  normalizationTable,
  originOf,
  paddedSize,
  targetOf,
} from '../../lib/dist/coco/transforms';

interface Encoded {
  width: number;
  height: number;
  rgb: string;
}

const golden = JSON.parse(readFileSync(join(__dirname, '../golden/pictures.json'), 'utf8')) as {
  decoded: (Encoded & { name: string; file: string })[];
  source: Encoded;
  resized: Encoded[];
  sizes: number[][];
  pipeline: { long: number; short: number; width: number; height: number; input: string };
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const source = { ...golden.source, data: bytes(golden.source.rgb) };
const folder = mkdtempSync(join(tmpdir(), 'freekd-pictures-'));
after(() => rmSync(folder, { recursive: true }));

for (const { name, file, width, height, rgb } of golden.decoded) {
  test(`decodes ${name} as OpenCV`, async () => {
    const path = join(folder, name);
    writeFileSync(path, bytes(file));
    const picture = await decode(path);
    assert.deepEqual([picture.width, picture.height], [width, height]);
    assert.deepEqual(new Uint8Array(picture.data), bytes(rgb));
  });
}

for (const { width, height, rgb } of golden.resized) {
  test(`resizes 64x48 to ${width}x${height} as OpenCV`, () => {
    assert.deepEqual(resizeBilinear(source, width, height).data, bytes(rgb));
  });
}

test('a picture of the right size is not touched', async () => {
  assert.equal(resizeBilinear(source, 64, 48), source);
  assert.equal(await resizeAntialias(source, 64, 48), source);
});

test('antialiased shrinking keeps a fine chequerboard grey, plain shrinking does not', async () => {
  const data = Uint8Array.from({ length: 90 * 90 * 3 }, (_, i) => ((Math.floor(i / 3) % 90) % 3 === 1 ? 255 : 0));
  const spread = (values: Uint8Array): number => Math.max(...values.map((value) => Math.abs(value - 85)));
  const board = { width: 90, height: 90, data };
  assert.equal(spread(resizeBilinear(board, 30, 30).data), 170);
  assert.ok(spread((await resizeAntialias(board, 30, 30)).data) < 40);
});

test('keep-ratio sizes are those of mmcv', () => {
  for (const [width, height, longSide, shortSide, w, h] of golden.sizes) {
    assert.deepEqual(inputSize({ width, height }, { longSide, shortSide }), { width: w, height: h });
  }
  assert.deepEqual(inputSize({ width: 640, height: 480 }, { width: 256, height: 192 }), { width: 256, height: 192 });
});

test('resize, flip, normalise and pad give the input mmdet gives', () => {
  const { pipeline } = golden;
  const size = inputSize(source, { longSide: pipeline.long, shortSide: pipeline.short });
  const padded = paddedSize([size], 32);
  assert.deepEqual(padded, { width: pipeline.width, height: pipeline.height });
  const inputs = new Float32Array(padded.width * padded.height * 3);
  fill(inputs, 0, padded.width, resizeBilinear(source, size.width, size.height), true, normalizationTable(IMAGENET));
  assert.deepEqual(inputs, new Float32Array(bytes(pipeline.input).buffer));
});

test('boxes follow the picture, are clipped to it, and crowds are left out', () => {
  const image = { id: 7, file_name: 'a.jpg', width: 100, height: 50 };
  const size = { width: 200, height: 25 };
  const annotation = { id: 1, image_id: 7, category_id: 9, area: 1, iscrowd: 0 as const };
  const annotations = [
    { ...annotation, bbox: [10, 20, 30, 10] as [number, number, number, number] },
    { ...annotation, bbox: [-0.5, 40, 20, 10.75] as [number, number, number, number] },
    { ...annotation, bbox: [0, 0, 5, 5] as [number, number, number, number], iscrowd: 1 as const },
  ];
  const classOf = new Map([[9, 3]]);
  const plain = targetOf(annotations, originOf(image, size, false), classOf);
  assert.deepEqual([...plain.boxes], [20, 10, 80, 15, 0, 20, 39, 25]);
  assert.deepEqual([...plain.labels], [3, 3]);
  const origin = originOf(image, size, true);
  assert.deepEqual([...targetOf(annotations, origin, classOf).boxes], [120, 10, 180, 15, 161, 20, 200, 25]);
  assert.deepEqual(origin, {
    id: 7,
    width: 100,
    height: 50,
    scaleX: 2,
    scaleY: 0.5,
    inputWidth: 200,
    inputHeight: 25,
    flipped: true,
  });
  assert.deepEqual(targetOf([], origin, classOf), { boxes: new Float32Array(0), labels: new Int32Array(0) });
});
