/**
 * Emoji scenes on disk: layout, the same pixels every time, reuse, and repair after a kill or
 * damage.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { after } from 'node:test';
import sharp from 'sharp';
import type { SceneInstances } from '../../lib/dist/scenes/annotations';
import { ensureEmojiScenes } from '../../lib/dist/scenes/generate';
import { sceneConfig } from '../../lib/dist/scenes/config';
import { ScenePainter } from '../../lib/dist/scenes/scene';

const root = mkdtempSync(join(tmpdir(), 'emoji-scenes-'));
after(() => rmSync(root, { recursive: true }));

/** Two runs of pictures in train, one in val. */
const options = { train: 54, val: 6, size: 64, minSize: 12, maxSize: 36 };

/** Made on Linux x86-64; resvg 2.6.2, @twemoji/svg 15.0.0. */
const goldenDigest = '2351b24c85788f276603afa3930be9b905e15c199cbc37293b9d89d203cc75df';

const annotations = (folder: string, split: string): SceneInstances =>
  JSON.parse(readFileSync(join(folder, 'annotations', `instances_${split}.json`), 'utf8'));

/** Name, length and time of change of every picture and annotation file. */
const listing = (folder: string): string[] =>
  ['train', 'val', 'annotations', 'records'].flatMap((name) =>
    readdirSync(join(folder, name)).sort().map((file) => {
      const { size, mtimeMs } = statSync(join(folder, name, file));
      return `${name}/${file} ${size} ${mtimeMs}`;
    }),
  );

test('the same pixels on any number of threads, as recorded', async () => {
  const one = await ensureEmojiScenes({ ...options, folder: join(root, 'one'), workers: 1 });
  const three = await ensureEmojiScenes({ ...options, folder: join(root, 'three'), workers: 3 });
  assert.equal(one.description.digest, three.description.digest);
  assert.equal(one.description.digest, goldenDigest);
});

test('the files are valid COCO and hold the painted pixels', async () => {
  const { folder, description } = await ensureEmojiScenes({ ...options, folder: join(root, 'one') });
  const allIds = new Set<number>();
  for (const split of ['train', 'val'] as const) {
    const { info, images, annotations: boxes, categories } = annotations(folder, split);
    assert.equal(info.description, 'emoji scenes, a stand-in, not COCO');
    assert.equal(images.length, options[split]);
    assert.deepEqual(images.map(({ file_name }) => file_name), readdirSync(join(folder, split)).sort());
    images.forEach(({ id }) => allIds.add(id));
    const imageIds = new Set(images.map(({ id }) => id));
    const categoryIds = new Set(categories.map(({ id }) => id));
    assert.equal(new Set(boxes.map(({ id }) => id)).size, boxes.length);
    for (const { id, image_id, category_id, bbox: [x, y, width, height], area, iscrowd } of boxes) {
      assert.ok(id > 0 && imageIds.has(image_id) && categoryIds.has(category_id) && iscrowd === 0);
      assert.ok(x >= 0 && y >= 0 && x + width <= options.size && y + height <= options.size);
      assert.ok(area > 0 && area <= width * height);
    }
    const counts = description[split];
    assert.equal(counts.objects, boxes.length);
    assert.equal(Object.values(counts.categories).reduce((sum, n) => sum + n), boxes.length);
    assert.equal(counts.sizes.small + counts.sizes.medium + counts.sizes.large, boxes.length);
  }
  assert.equal(allIds.size, options.train + options.val);

  const { data, info } = await sharp(join(folder, 'train', '000003.png')).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels], [options.size, options.size, 3]);
  assert.deepEqual(Uint8Array.from(data), new ScenePainter(sceneConfig(options)).paint('train', 2).pixels);
});

test('a finished set is used as it is', async () => {
  const { folder } = await ensureEmojiScenes({ ...options, folder: join(root, 'one') });
  const before = listing(folder);
  await ensureEmojiScenes({
    ...options,
    folder: join(root, 'one'),
    onProgress: () => assert.fail('nothing is to be made'),
  });
  assert.deepEqual(listing(folder), before);
});

test('damage is repaired, and only the damaged part is made again', async () => {
  const progress: number[][] = [];
  const { folder } = await ensureEmojiScenes({ ...options, folder: join(root, 'three') });
  const untouched = statSync(join(folder, 'records', 'train-000000.json')).mtimeMs;
  truncateSync(join(folder, 'train', '000052.png'), 100);
  unlinkSync(join(folder, 'val', '000001.png'));
  writeFileSync(join(folder, 'annotations', 'instances_train.json'), '{"images": [');
  const repaired = await ensureEmojiScenes({
    ...options,
    folder: join(root, 'three'),
    workers: 1,
    onProgress: (done, total) => progress.push([done, total]),
  });
  assert.deepEqual(progress, [[54, 60], [60, 60]]);
  assert.equal(repaired.description.digest, goldenDigest);
  assert.equal(statSync(join(folder, 'records', 'train-000000.json')).mtimeMs, untouched);
  assert.equal(annotations(folder, 'train').images.length, 54);
  await sharp(join(folder, 'train', '000052.png')).stats();
});

test('a killed run is continued', async () => {
  const parent = join(root, 'killed');
  const generate = resolve(__dirname, '../../lib/dist/scenes/generate.js');
  const script = `require(${JSON.stringify(generate)}).ensureEmojiScenes({ ...${JSON.stringify(options)},
    folder: ${JSON.stringify(parent)}, workers: 1, onProgress: () => process.kill(process.pid, 'SIGKILL') })`;
  const [, signal] = await once(spawn(process.execPath, ['-e', script], { stdio: 'inherit' }), 'exit');
  assert.equal(signal, 'SIGKILL');
  const progress: number[] = [];
  const { folder, description } = await ensureEmojiScenes({
    ...options,
    folder: parent,
    workers: 1,
    onProgress: (done) => progress.push(done),
  });
  assert.deepEqual(progress, [54, 60]); // the first 50 were finished
  assert.equal(description.digest, goldenDigest);
  assert.deepEqual(
    annotations(folder, 'val'),
    annotations((await ensureEmojiScenes({ ...options, folder: join(root, 'one') })).folder, 'val'),
  );
});

test('a stopped run keeps what is finished, and is continued', async () => {
  const parent = join(root, 'stopped');
  const stop = new AbortController();
  const reason = new Error('stopped');
  const progress: number[] = [];
  const run = { ...options, folder: parent, workers: 1 };
  await assert.rejects(
    ensureEmojiScenes({ ...run, signal: stop.signal, onProgress: () => stop.abort(reason) }),
    (error) => error === reason,
  );
  const { description } = await ensureEmojiScenes({ ...run, onProgress: (done) => progress.push(done) });
  assert.deepEqual(progress, [54, 60]);
  assert.equal(description.digest, goldenDigest);
});

test('two at once do not harm each other', async () => {
  const small = { ...options, train: 10, folder: join(root, 'two'), workers: 1 };
  const [a, b] = await Promise.all([ensureEmojiScenes(small), ensureEmojiScenes(small)]);
  assert.deepEqual(a, b);
});

test('a folder that cannot be written is named', async () => {
  const file = join(root, 'a-file');
  writeFileSync(file, '');
  await assert.rejects(
    ensureEmojiScenes({ ...options, folder: file }),
    /could not make the pictures in .*a-file.*run again/,
  );
  await assert.rejects(ensureEmojiScenes({ ...options, workers: 0 }), /workers is 0/);
});
