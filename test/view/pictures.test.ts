import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { detectionPanels, detectionSheet, judge, pickImages, verdictBoxes } from '../../lib/dist/view/detections';
import { contactSheet, drawBoxes } from '../../lib/dist/view/pictures';
import { boxColors } from '../../lib/dist/view/theme';
import { smallDataset } from './fixture';

let data: Awaited<ReturnType<typeof smallDataset>>;
before(async () => {
  data = await smallDataset();
});
after(() => fs.rmSync(data.folder, { recursive: true }));

test('judge: right, wrong and overlooked; a detection in a crowd region is neither', () => {
  const { dataset, detections } = data;
  const strong = detections.filter(({ score }) => score >= 0.3);
  const one = judge(dataset.annotationsOf(1), strong.filter(({ image_id }) => image_id === 1));
  assert.deepEqual(one.found.map(({ score }) => score), [0.9]);
  assert.deepEqual(one.wrong.map(({ score }) => score), [0.8]);
  assert.deepEqual(one.missed.map(({ id }) => id), [2]);
  const two = judge(dataset.annotationsOf(2), strong.filter(({ image_id }) => image_id === 2));
  assert.deepEqual([two.found.length, two.wrong.length, two.missed.length], [0, 0, 1]);
  assert.deepEqual(verdictBoxes(dataset, one).map(({ label }) => label), [undefined, 'cat 0.80', 'cat 0.90']);
});

test('judge: an object is found once, by the best score', () => {
  const again = { image_id: 1, category_id: 1, bbox: [4, 20, 20, 20] as [number, number, number, number], score: 0.95 };
  const { found, wrong } = judge(data.dataset.annotationsOf(1), [data.detections[0], again]);
  assert.deepEqual([found.map(({ score }) => score), wrong.map(({ score }) => score)], [[0.95], [0.9]]);
});

test('drawBoxes: the size asked for, the box in its colour at its place, the picture elsewhere', async () => {
  const { dataset } = data;
  const png = await drawBoxes(
    dataset.fileOf(dataset.images[0]),
    [{ bbox: [10, 20, 20, 20], color: '#ff0000', label: 'a <label>' }],
    { width: 128 },
  );
  const { data: pixels, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [128, 96]);
  const pixel = (x: number, y: number): number[] => [
    ...pixels.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3),
  ];
  const [red, green] = pixel(20, 60); // the left edge of the box
  assert.ok(red > 230 && green < 30);
  assert.deepEqual(pixel(100, 10), [128, 128, 128]);
});

test('contactSheet: a grid of panels; none is an error', async () => {
  const image = await sharp({ create: { width: 30, height: 20, channels: 3, background: '#00ff00' } }).png().toBuffer();
  const panel = { image, title: 'green' };
  const { width, height } = await sharp(await contactSheet([panel, panel, panel], { columns: 2, gap: 10 })).metadata();
  assert.deepEqual([width, height], [70, 2 * (20 + 22) + 10]);
  await assert.rejects(contactSheet([]), /no panel/);
});

test('pickImages: spread over the set, no more than there are', () => {
  assert.deepEqual(pickImages(data.dataset, 1).map(({ id }) => id), [2]);
  assert.deepEqual(pickImages(data.dataset, 9).map(({ id }) => id), [1, 2]);
});

test('detection panels: ground truth and every detector that has detections', async () => {
  const pictures = { dataset: data.dataset, detections: { teacher: data.detections, student: [] } };
  const [first, second] = await detectionPanels(pictures, { width: 100 });
  assert.deepEqual(first.panels.map(({ detector }) => detector), ['ground truth', 'teacher']);
  assert.deepEqual(first.panels.map(({ caption }) => caption), ['2 objects', '1 of 2 found, 1 wrong']);
  assert.deepEqual(second.panels.map(({ caption }) => caption), ['1 object', '0 of 1 found, 0 wrong']);
  const { width, height } = await sharp(await detectionSheet(pictures, { width: 100 })).metadata();
  assert.deepEqual([width, height], [212, 2 * (75 + 22) + 12]);
  assert.ok(Object.values(boxColors).every((color) => /^#[0-9a-f]{6}$/.test(color)));
});
