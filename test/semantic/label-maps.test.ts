/** Label maps: files by Pillow and OpenCV number by number, resizing as OpenCV's, the choice of a crop. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { chooseCrop, resizedSize } from '../../lib/dist/semantic/augmentation';
import { decodeIndexPng, encodeIndexPng } from '../../lib/dist/semantic/index-png';
import { placeLabels, resizeNearest } from '../../lib/dist/semantic/label-map';

interface Golden {
  files: { name: string; height: number; width: number; png: string; labels: number[] }[];
  resized: { from: [number, number]; to: [number, number]; labels: string }[];
}
const golden: Golden = JSON.parse(readFileSync(join(__dirname, '../golden/label_maps.json'), 'utf8'));
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64');

for (const { name, height, width, png, labels } of golden.files)
  test(`a PNG gives the numbers in it: ${name}`, () => {
    assert.deepEqual(decodeIndexPng(bytesOf(png)), { height, width, labels: Uint8Array.from(labels) });
  });

test('what is written is read back', () => {
  const map = { width: 5, height: 3, labels: Uint8Array.from({ length: 15 }, (_, i) => (i * 37) % 256) };
  assert.deepEqual(decodeIndexPng(encodeIndexPng(map)), map);
});

test('a file that is no label map says why', () => {
  const good = bytesOf(golden.files.find(({ name }) => name === 'grey')!.png);
  const changed = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes[at] = value;
    return bytes;
  };
  assert.throws(() => decodeIndexPng(Buffer.from('text')), /it is no PNG/);
  assert.throws(() => decodeIndexPng(good.subarray(0, good.length - 9)), /it ends too early/);
  assert.throws(() => decodeIndexPng(changed(25, 2)), /of 8 bits and colour type 2, and not grey or indices/);
  assert.throws(() => decodeIndexPng(changed(24, 16)), /of 16 bits and colour type 0/);
  assert.throws(() => decodeIndexPng(changed(28, 1)), /it is interlaced/);
  assert.throws(() => decodeIndexPng(changed(23, 10)), /bytes of pixels, and not|larger than/);
});

for (const { from: [h, w], to: [height, width], labels } of golden.resized)
  test(`resizing ${h} x ${w} to ${height} x ${width} is OpenCV's nearest`, () => {
    const source = Uint8Array.from({ length: h * w }, (_, i) => (31 * Math.floor(i / w) + 7 * (i % w)) % 251);
    const resized = resizeNearest({ height: h, width: w, labels: source }, width, height);
    assert.deepEqual(resized, { height, width, labels: new Uint8Array(bytesOf(labels)) });
  });

test('a part of a map, mirrored, in a larger input: the rest is ignored', () => {
  const map = { width: 3, height: 2, labels: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const place = (flip: boolean): number[] => [
    ...placeLabels(map, { x: 1, y: 0 }, { width: 2, height: 2 }, flip, { width: 3, height: 3 }).labels,
  ];
  assert.deepEqual(place(false), [2, 3, 255, 5, 6, 255, 255, 255, 255]);
  assert.deepEqual(place(true), [3, 2, 255, 6, 5, 255, 255, 255, 255]);
});

test('limits of a size are whole numbers before proportions are kept', () => {
  const size = { longSide: 2048, shortSide: 1024 };
  assert.deepEqual(resizedSize({ width: 2048, height: 1024 }, size, 0.7001), { width: 1432, height: 716 });
  assert.deepEqual(resizedSize({ width: 500, height: 375 }, size, 0.5), { width: 683, height: 512 });
  assert.deepEqual(resizedSize({ width: 5, height: 5 }, { width: 9, height: 7 }, 0.5), { width: 4, height: 3 });
});

test('a crop has no class with the limit or more; the last place is taken as it is', () => {
  // 4 x 12: class 0 to the left of column 6, class 1 from there on, and a column that is ignored.
  const labels = Uint8Array.from({ length: 48 }, (_, i) => (i % 12 === 6 ? 255 : i % 12 < 6 ? 0 : 1));
  const map = { width: 12, height: 4, labels };
  const settings = { ratio: [1, 1], crop: { width: 5, height: 4 }, categoryLimit: 0.75 } as const;
  const at = (x: number): [number, number] => [(x + 0.5) / 8, 0.5];
  const chosen = (...columns: number[]): number =>
    chooseCrop(map, settings, { ratio: 1, places: columns.map(at) }).x;
  assert.equal(chosen(0, 4, 7), 4); // 2 of class 0, 2 of class 1
  assert.equal(chosen(3, 5), 5); // columns 3..7 have 3 : 1, which is the limit; 5..9 are the last resort
  assert.equal(chosen(0, 1, 7), 7);
  assert.equal(chosen(2, 4), 4); // columns 2..6: class 0 alone beside what is ignored
  assert.equal(chooseCrop(map, { ...settings, categoryLimit: 1 }, { ratio: 1, places: [at(0), at(4)] }).x, 0);
});
