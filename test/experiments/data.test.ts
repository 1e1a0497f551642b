/** The splits that an experiment opens, and what is said about bad ones. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkSplits, openSplits } from '../../lib/dist/experiments/data';
import { writeFixture } from '../coco/fixture';

async function twoSplits(): Promise<string> {
  const folder = await writeFixture();
  cpSync(join(folder, 'train'), join(folder, 'val'), { recursive: true });
  cpSync(join(folder, 'annotations/instances_train.json'), join(folder, 'annotations/instances_val.json'));
  return folder;
}

test('a broken picture is named; with skipBad both splits go on without it and its objects', async () => {
  const folder = await twoSplits();
  const whole = await checkSplits(openSplits(folder));
  assert.equal(whole.val.images.length, 11);
  writeFileSync(join(folder, 'val', '7.png'), 'no picture');
  await assert.rejects(checkSplits(openSplits(folder)), /7\.png/);
  const { train, val } = await checkSplits(openSplits(folder, { skipBad: true }));
  assert.equal(train.images.length, 11);
  assert.equal(val.images.length, 10);
  assert.ok(val.instances.annotations.every(({ image_id }) => image_id !== 7));
  assert.equal(Object.values(val.skipped).reduce((sum, count) => sum + count), 1);
});

test('splits must be there and list the same categories', async () => {
  const folder = await writeFixture();
  assert.throws(() => openSplits(folder), /no split called val\*/);
  const other = await twoSplits();
  const categories = [{ id: 1, name: 'tree' }];
  writeFileSync(
    join(other, 'annotations/instances_val.json'),
    JSON.stringify({ images: [], annotations: [], categories }),
  );
  assert.throws(() => openSplits(other), /same categories/);
});

test('a split that has no box, or lost more than half of them, stops before anything is trained', async () => {
  const folder = await twoSplits();
  const path = join(folder, 'annotations/instances_val.json');
  const file = JSON.parse(readFileSync(path, 'utf8')) as { annotations: { bbox: number[] }[] };
  writeFileSync(path, JSON.stringify({ ...file, annotations: [] }));
  assert.throws(() => openSplits(folder), /split val: no box is left/);
  file.annotations.slice(0, 10).forEach((row) => (row.bbox = [1, 2, 0, 3]));
  writeFileSync(path, JSON.stringify(file));
  const options = { skipBad: true, warn: () => undefined };
  assert.throws(() => openSplits(folder, options), /split val: 10 of its 19 boxes are bad/);
  writeFileSync(path, readFileSync(join(folder, 'annotations/instances_train.json')));
  for (let id = 1; id <= 11; id++) if (id % 5) rmSync(join(folder, 'val', `${id}.png`), { force: true });
  const said: string[] = [];
  const missing = { skipBad: true, warn: (line: string) => said.push(line) };
  assert.throws(() => openSplits(folder, missing), /split val: \d+ of its 19 boxes are bad or belong to bad pictures/);
  assert.match(said[0], /left out, missing-image: 9 \(1, 2, 3, 4, 6, \.\.\.\)$/);
  const broken = await twoSplits();
  for (let id = 1; id <= 11; id++) if (id !== 5) writeFileSync(join(broken, 'train', `${id}.png`), 'none');
  await assert.rejects(checkSplits(openSplits(broken, options)), /split train: 17 of its 19 boxes/);
});
