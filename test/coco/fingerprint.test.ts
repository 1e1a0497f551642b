/** A data set's fingerprint: the same for a copy, another one for any change of labels or pictures. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fingerprintOfData, type DataFingerprint } from '../../lib/dist/coco/fingerprint';
import { openCoco } from '../../lib/dist/coco/dataset';
import { temporary, writeFixture } from './fixture';

const of = (folder: string, whole?: number): Promise<DataFingerprint> =>
  fingerprintOfData(openCoco(folder, 'train'), whole);

/** One byte in the middle, size and date kept. */
function changeByte(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(file, bytes);
  utimesSync(file, 1e9, 1e9);
}

test('a copy elsewhere has the same; one byte of a picture changes it, date and size kept', async () => {
  const folder = await writeFixture();
  const before = await of(folder);
  assert.match(before.annotations, /^[0-9a-f]{16}$/);
  const copy = temporary();
  cpSync(folder, copy, { recursive: true });
  assert.deepEqual(await of(copy), before);
  const picture = join(copy, 'train', '7.png');
  utimesSync(picture, 1e9, 1e9);
  assert.deepEqual(await of(copy), before);
  changeByte(picture);
  const after = await of(copy);
  assert.equal(after.annotations, before.annotations);
  assert.notEqual(after.pictures, before.pictures);
});

test('two pictures that were swapped, and a label that was corrected, change it', async () => {
  const folder = await writeFixture();
  const before = await of(folder);
  const file = (name: string): string => join(folder, 'train', name);
  const { images } = openCoco(folder, 'train');
  const same = images.filter(({ width, height }) => width === images[0].width && height === images[0].height);
  const [a, b] = same.map(({ file_name }) => file_name);
  renameSync(file(a), file('x'));
  renameSync(file(b), file(a));
  renameSync(file('x'), file(b));
  assert.notEqual((await of(folder)).pictures, before.pictures);
  const labels = join(folder, 'annotations/instances_train.json');
  const content = JSON.parse(readFileSync(labels, 'utf8')) as { annotations: { bbox: number[] }[] };
  content.annotations[0].bbox[2] -= 1;
  writeFileSync(labels, JSON.stringify(content));
  assert.notEqual((await of(folder)).annotations, before.annotations);
});

test('of a large set name, size, date and both ends are covered', async () => {
  const folder = await writeFixture();
  const picture = join(folder, 'train', '7.png');
  utimesSync(picture, 1e9, 1e9);
  const before = await of(folder, 0);
  assert.deepEqual(await of(folder, 0), before);
  changeByte(picture);
  assert.notEqual((await of(folder, 0)).pictures, before.pictures, 'an end, or the whole of a small file');
  const between = await of(folder, 0);
  utimesSync(picture, 2e9, 2e9);
  assert.notEqual((await of(folder, 0)).pictures, between.pictures);
});
