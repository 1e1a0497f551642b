/** The loader of label maps on emoji scenes: pictures and labels stay together through every change, on any thread. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { ensureEmojiScenes, openSceneLabels, sceneClasses } from '../../lib/dist/scenes/index';
import { sceneConfig } from '../../lib/dist/scenes/config';
import { ScenePainter } from '../../lib/dist/scenes/scene';
import { openSemantic, readLabelled } from '../../lib/dist/semantic/dataset';
import { decodeIndexPng, encodeIndexPng } from '../../lib/dist/semantic/index-png';
import { createSemanticLoader, type SemanticLoaderOptions } from '../../lib/dist/semantic/loader';

const root = mkdtempSync(join(tmpdir(), 'semantic-'));
after(() => rmSync(root, { recursive: true }));
const settings = { train: 12, val: 5, size: 64, minSize: 12, maxSize: 36 };
let made: ReturnType<typeof ensureEmojiScenes> | undefined;
const scenes = (): ReturnType<typeof ensureEmojiScenes> =>
  (made ??= ensureEmojiScenes({ ...settings, folder: root, labels: true, workers: 1 }));

const augmentation: SemanticLoaderOptions['augmentation'] = {
  ratio: [0.5, 2],
  crop: { width: 48, height: 40 },
  categoryLimit: 0.9,
  color: { brightness: 32, contrast: [0.5, 1.5], saturation: [0.5, 1.5], hue: 36 },
};
const training = { batch: 4, size: { width: 64, height: 64 }, flip: 0.5, shuffle: true, seed: 3, augmentation };

/** Batches as plain values. */
async function batches(options: Partial<SemanticLoaderOptions>, steps: number[]) {
  const { folder } = await scenes();
  const loader = createSemanticLoader(openSceneLabels(folder, 'train'), { ...training, ...options });
  const all = [];
  for (const step of steps) {
    const { images, targets, origins } = await loader.batch(step);
    all.push({ inputs: Buffer.from(images.dataSync().slice().buffer), shape: images.shape, targets, origins });
    images.dispose();
  }
  await loader.close();
  return all;
}

test("a scene's label map has its painter's pixels", async () => {
  const { folder } = await scenes();
  const { objects, owner } = new ScenePainter(sceneConfig(settings)).paint('val', 2);
  const { labels } = decodeIndexPng(readFileSync(join(folder, 'labels/val/000003.png')));
  const names = owner.reduce<string[]>((all, i, at) => {
    if (i >= 0) all.push(sceneClasses[labels[at]]);
    else assert.equal(labels[at], 0);
    return all;
  }, []);
  assert.equal(names.length, objects.reduce((sum, { area }) => sum + area, 0));
  const annotations = JSON.parse(readFileSync(join(folder, 'annotations/instances_val.json'), 'utf8'));
  const nameOf = new Map(annotations.categories.map(({ id, name }: { id: number; name: string }) => [id, name]));
  const expected = [...owner].filter((i) => i >= 0).map((i) => nameOf.get(objects[i].categoryId));
  assert.deepEqual(names, expected);
});

test('label maps that are missing are made, and pictures stay the same', async () => {
  const { folder, description } = await scenes();
  const file = join(folder, 'labels/val/000001.png');
  const before = readFileSync(file);
  unlinkSync(file);
  const again = await ensureEmojiScenes({ ...settings, folder: root, workers: 1 });
  assert.equal(again.description.digest, description.digest);
  assert.throws(() => readFileSync(file)); // nobody asked for it
  await ensureEmojiScenes({ ...settings, folder: root, labels: true, workers: 1 });
  assert.deepEqual(readFileSync(file), before);
});

test('batches are the same on any number of threads and in any order', async () => {
  const steps = [0, 1, 2, 3, 7];
  const one = await batches({ workers: 0 }, steps);
  assert.deepEqual(await batches({ workers: 2 }, steps), one);
  assert.deepEqual((await batches({ workers: 1 }, [...steps].reverse())).reverse(), one);
  const other = await batches({ workers: 0, seed: 4 }, [0]);
  assert.notDeepEqual(other[0].inputs, one[0].inputs);
});

test('two ranks together have the batch of one', async () => {
  const [whole] = await batches({}, [1]);
  const halves = await Promise.all([0, 1].map((rank) => batches({ batch: 2, shard: { rank, size: 2 } }, [1])));
  assert.deepEqual(halves.flatMap(([{ targets }]) => targets), whole.targets);
  assert.deepEqual(Buffer.concat(halves.map(([{ inputs }]) => inputs)), whole.inputs);
});

test('labels go where their pixels go: crop, flip, padding', async () => {
  // A picture whose brightness is its label: stripes of 4 pixels, and a step halfway down.
  const folder = join(root, 'stripes');
  const size = 60;
  const labelAt = (x: number, y: number): number => Math.floor(x / 4) + (y < size / 2 ? 0 : 40);
  const labels = Uint8Array.from({ length: size * size }, (_, i) => labelAt(i % size, Math.floor(i / size)));
  mkdirSync(join(folder, 'a'), { recursive: true });
  writeFileSync(join(folder, 'a', '1.png'), encodeIndexPng({ width: size, height: size, labels }));
  const dataset = openSemantic(folder, 'a', {
    pictures: join(folder, 'a'),
    labels: join(folder, 'a'),
    classes: Array.from({ length: 55 }, (_, i) => String(i)),
  });
  const loader = createSemanticLoader(dataset, {
    batch: 1,
    size: { width: size, height: size },
    flip: 0.5,
    shuffle: true,
    normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
    augmentation: { ratio: [0.5, 1.5], crop: { width: 48, height: 48 }, categoryLimit: 1 },
    workers: 0,
  });
  const seen = { flipped: 0, padded: 0, cut: 0 };
  for (let step = 0; step < 12; step++) {
    const { images, targets: [target], origins: [origin] } = await loader.batch(step);
    const inputs = images.dataSync();
    images.dispose();
    assert.deepEqual([target.width, target.height], [48, 48]);
    seen.flipped += Number(origin.flipped);
    seen.padded += Number(origin.inputWidth < 48);
    seen.cut += Number(origin.augmented !== undefined);
    const blended = new Set<number>(); // rows where the picture is between both sides of the step
    for (let y = 0, i = 0; y < 48; y++)
      for (let x = 0; x < 48; x++, i++) {
        const isShown = x < origin.inputWidth && y < origin.inputHeight;
        assert.equal(target.labels[i] === 255, !isShown);
        if (!isShown) assert.equal(inputs[3 * i], 0);
        else if (Math.abs(inputs[3 * i] - target.labels[i]) > 1) blended.add(y);
      }
    assert.ok(blended.size <= 2, `step ${step}: rows ${[...blended]}`);
  }
  assert.ok(seen.flipped > 0 && seen.flipped < 12 && seen.padded > 0 && seen.cut > 0, JSON.stringify(seen));
});

test("to score on, label maps keep their picture's size and every picture comes once", async () => {
  const { folder } = await scenes();
  const dataset = openSceneLabels(folder, 'val');
  const loader = createSemanticLoader(dataset, { batch: 2, size: { width: 32, height: 32 }, labels: 'original' });
  const ids: number[] = [];
  for (let step = 0; step < loader.batchesPerEpoch; step++) {
    const { images, targets, origins } = await loader.batch(step);
    assert.deepEqual(images.shape, [origins.length, 32, 32, 3]);
    for (const [i, { id, width, height, inputWidth }] of origins.entries()) {
      ids.push(id);
      assert.deepEqual([targets[i].width, targets[i].height, width, height, inputWidth], [64, 64, 64, 64, 32]);
      assert.deepEqual(targets[i], (await readLabelled(dataset.images[id - 1], dataset)).map);
    }
    images.dispose();
  }
  await loader.close();
  assert.deepEqual(ids, [1, 2, 3, 4, 5]);
});

test('what is wrong is named: settings, files, numbers of no class', async () => {
  const { folder } = await scenes();
  const dataset = openSceneLabels(folder, 'val');
  const size = { width: 64, height: 64 };
  assert.throws(() => createSemanticLoader(dataset, { batch: 0, size }), /batch: must be a whole number from 1/);
  assert.throws(() => createSemanticLoader(dataset, { ...training, labels: 'original' }), /fit no picture that is/);
  assert.throws(() => createSemanticLoader(dataset, { ...training, batch: 6 }), /has 5 pictures, too few for a batch/);
  assert.throws(() => openSceneLabels(join(folder, 'labels'), 'val'), /labels.val.000001.png is missing, the label map/);
  const paths = { pictures: join(folder, 'val'), labels: join(folder, 'labels/val') };
  assert.throws(() => openSemantic(folder, 'val', { ...paths, classes: ['a'], classOf: { 3: 1 } }), /3 should be a class/);
  const few = openSemantic(folder, 'val', { ...paths, classes: ['background'] });
  for (const workers of [0, 1]) {
    const loader = createSemanticLoader(few, { batch: 5, size, workers });
    await assert.rejects(loader.batch(0), /labels.val.00000\d.png has the number \d+ at pixel \d+, \d+, where there are 1/);
    await loader.close();
  }
  const known = openSemantic(folder, 'val', { ...paths, classes: ['thing', 'background'], classOf: { 0: 1, 2: 0 } });
  const { map } = await readLabelled(known.images[2], known);
  const raw = (await readLabelled(dataset.images[2], dataset)).map;
  assert.deepEqual(map.labels, raw.labels.map((label) => (label === 0 ? 1 : label === 2 ? 0 : 255)));
});
