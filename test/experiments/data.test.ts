/** The splits that an experiment opens, and what is said about bad ones. */
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
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
