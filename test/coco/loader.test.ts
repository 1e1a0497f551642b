/**
 * The loader: the same batches whatever the threads, the cache or the order of asking; bad
 * pictures; clean ends.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { corrupt, type CorruptionName } from '../../lib/dist/coco/corruptions/corrupt';
import { openCoco, type CocoDataset } from '../../lib/dist/coco/dataset';
import { decode } from '../../lib/dist/coco/image';
import { createLoader, type Loader, type LoaderOptions } from '../../lib/dist/coco/loader';
import { DatasetError } from '../../lib/dist/coco/problems';
import { resizeBilinear } from '../../lib/dist/coco/resize';
import { fill, IMAGENET, normalizationTable } from '../../lib/dist/coco/transforms';
import type { Batch } from '../../lib/dist/data/types';
import { Random } from '../../lib/dist/core/random';
import { tf } from '../../lib/dist/tf';
import { picture, SIZES, writeFixture } from './fixture';

const TRAINING: LoaderOptions = { batch: 3, size: { longSide: 40, shortSide: 30 }, flip: 0.5, shuffle: true, seed: 5 };
const EVALUATION: LoaderOptions = { batch: 4, size: { width: 32, height: 24 } };

interface Plain extends Omit<Batch, 'images'> {
  shape: number[];
  pixels: Float32Array;
}

/** A batch's content, its tensor disposed. */
function plain({ images, targets, origins }: Batch): Plain {
  const pixels = images.dataSync<'float32'>().slice();
  images.dispose();
  return { shape: images.shape, pixels, targets, origins };
}

async function batches(loader: Loader, steps: readonly number[]): Promise<Plain[]> {
  const result: Plain[] = [];
  for (const step of steps) result.push(plain(await loader.batch(step)));
  return result;
}

async function withLoader<T>(
  dataset: CocoDataset,
  options: LoaderOptions,
  use: (loader: Loader) => Promise<T>,
): Promise<T> {
  const loader = createLoader(dataset, options);
  try {
    return await use(loader);
  } finally {
    await loader.close();
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const ids = (batch: Plain): number[] => batch.origins.map(({ id }) => id);

test('batches are the same with any number of threads, any cache, and after a restart at any step', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const steps = range(8); // almost three epochs
  const expected = await withLoader(dataset, { ...TRAINING, workers: 0, cache: 'none' }, (loader) =>
    batches(loader, steps),
  );
  const variants: Partial<LoaderOptions>[] = [
    { workers: 0 },
    {},
    { workers: 2 },
    { workers: 2, cache: 'none' },
    { ahead: 0 },
    { cacheLimit: 10 },
  ];
  for (const variant of variants) {
    const found = await withLoader(dataset, { ...TRAINING, ...variant }, (loader) => batches(loader, steps));
    assert.deepEqual(found, expected, JSON.stringify(variant));
  }
  for (const start of [1, 3, 5]) {
    const found = await withLoader(dataset, TRAINING, (loader) => batches(loader, steps.slice(start)));
    assert.deepEqual(found, expected.slice(start), `restart at ${start}`);
  }
  const jumbled = [6, 1, 1, 7, 0, 4];
  assert.deepEqual(
    await withLoader(dataset, { ...TRAINING, workers: 2 }, (loader) => batches(loader, jumbled)),
    jumbled.map((step) => expected[step]),
  );
  const together = await withLoader(dataset, { ...TRAINING, workers: 2 }, (loader) =>
    Promise.all(jumbled.map((step) => loader.batch(step))),
  );
  assert.deepEqual(together.map(plain), jumbled.map((step) => expected[step]));
});

test('order and flips depend on seed and epoch; an epoch has every picture once', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const loader = createLoader(dataset, { ...TRAINING, workers: 0 });
  assert.equal(loader.length, 11);
  assert.equal(loader.batchesPerEpoch, 3);
  const orders = [0, 1, 2].map((epoch) => loader.order(epoch));
  for (const order of orders) assert.deepEqual([...order].sort((a, b) => a - b), range(11).map((i) => i + 1));
  assert.notDeepEqual(orders[0], orders[1]);
  assert.deepEqual(loader.order(0), orders[0]);
  const first = await batches(loader, range(9));
  assert.deepEqual(first.slice(3, 6).flatMap(ids), orders[1].slice(0, 9));
  const flips = first.flatMap(({ origins }) => origins.map(({ flipped }) => flipped));
  assert.ok(flips.includes(true) && flips.includes(false));
  const inOrder = createLoader(dataset, { ...TRAINING, workers: 0, shuffle: false });
  const twoEpochs = range(2 * inOrder.batchesPerEpoch);
  const coins = (await batches(inOrder, twoEpochs)).flatMap(({ origins }) => origins.map(({ flipped }) => flipped));
  assert.notDeepEqual(coins.slice(0, 11), coins.slice(11, 22), 'a picture is not flipped in every epoch alike');
  assert.notDeepEqual(createLoader(dataset, { ...TRAINING, workers: 0, seed: 6 }).order(0), orders[0]);
});

test('a flipped picture is the mirror image, its boxes too; crowds are no targets', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const options: LoaderOptions = { batch: 1, size: { width: 80, height: 60 }, padMultiple: 64, workers: 0 };
  const [straight] = await batches(createLoader(dataset, options), [0]);
  const [mirror] = await batches(createLoader(dataset, { ...options, flip: 1 }), [0]);
  assert.deepEqual(straight.shape, [1, 64, 128, 3]);
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 128; x++) {
      for (let c = 0; c < 3; c++) {
        const at = (column: number): number => (y * 128 + column) * 3 + c;
        if (x >= 80 || y >= 60) assert.equal(mirror.pixels[at(x)] || straight.pixels[at(x)], 0);
        else assert.equal(mirror.pixels[at(x)], straight.pixels[at(79 - x)]);
      }
    }
  }
  assert.deepEqual(straight.targets, [{ boxes: Float32Array.of(4, 6, 24, 22), labels: Int32Array.of(1) }]);
  assert.deepEqual(mirror.targets, [{ boxes: Float32Array.of(56, 6, 76, 22), labels: Int32Array.of(1) }]);
  assert.deepEqual([straight.origins[0].flipped, mirror.origins[0].flipped], [false, true]);
});

test('evaluation takes the pictures in order and keeps the last, smaller batch', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  await withLoader(dataset, EVALUATION, async (loader) => {
    assert.equal(loader.batchesPerEpoch, 3);
    const found = await batches(loader, range(3));
    assert.deepEqual(found.map(ids), [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11]]);
    assert.deepEqual(found[2].shape, [3, 32, 32, 3]);
    assert.equal(found[0].targets[2].labels.length + found[0].targets[3].labels.length, 0);
    assert.deepEqual(found[1].origins[2], {
      id: 7,
      width: 33,
      height: 17,
      scaleX: 32 / 33,
      scaleY: 24 / 17,
      inputWidth: 32,
      inputHeight: 24,
      flipped: false,
    });
  });
});

test('mean and std normalise, padding is zero after it', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const options: LoaderOptions = {
    batch: 1,
    size: { width: 40, height: 30 },
    mean: [10, 20, 30],
    std: [2, 4, 8],
    workers: 0,
  };
  const [{ pixels, shape }] = await batches(createLoader(dataset, options), [0]);
  assert.deepEqual(shape, [1, 32, 64, 3]);
  assert.deepEqual([...pixels.slice(0, 3)], [(31 - 10) / 2, (31 + 7 + 50 - 20) / 4, (31 + 14 + 100 - 30) / 8]);
  assert.ok(pixels.slice(40 * 3, 64 * 3).every((value) => value === 0));
});

test('order bgr turns the channels round before they are normalised', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const size = { width: 40, height: 30 };
  const first = async (options: Pick<LoaderOptions, 'order' | 'mean' | 'std' | 'flip'>): Promise<number[][]> => {
    const loader = createLoader(dataset, { batch: 1, size, workers: 0, ...options });
    const [{ pixels }] = await batches(loader, [0]);
    return Array.from({ length: 40 }, (_, x) => [...pixels.slice(3 * x, 3 * x + 3)]);
  };
  for (const flip of [0, 1]) {
    const rgb = await first({ flip, mean: [30, 20, 10], std: [8, 4, 2] });
    const bgr = await first({ flip, order: 'bgr', mean: [10, 20, 30], std: [2, 4, 8] });
    assert.deepEqual(bgr.map((pixel) => [...pixel].reverse()), rgb);
    assert.notDeepEqual(bgr, rgb);
  }
});

test('pictures grouped by aspect share their orientation until the rest', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const loader = createLoader(dataset, { ...TRAINING, groupByAspect: true, workers: 0 });
  for (const epoch of range(5)) {
    const portrait = loader.order(epoch).map((id) => SIZES[id - 1][0] < SIZES[id - 1][1]);
    assert.equal(portrait.length, 11);
    // 4 portrait and 7 landscape pictures: three full batches of one kind come first, in batches of
    // 3.
    for (const start of [0, 3, 6]) assert.equal(new Set(portrait.slice(start, start + 3)).size, 1);
  }
});

test(
  'a corruption is the same for a picture whatever the threads, the ' +
    'batch and the epoch, and comes before resizing',
  async () => {
    const large = new Set<unknown>([3, 9, 11]); // 32 pixels or more
    const folder = await writeFixture((file) => {
      file.images = file.images.filter(({ id }) => large.has(id));
      file.annotations = file.annotations.filter(({ image_id }) => large.has(image_id));
    });
    const dataset = openCoco(folder, 'train');
    const size = { width: 64, height: 64 };
    const corruption = { name: 'gaussian_noise', severity: 3, seed: 4 } as const;
    const expected = new Map<number, Float32Array>();
    for (const variant of [
      { workers: 0, batch: 1 },
      { workers: 2, batch: 1, cache: 'none' },
      { workers: 1, batch: 1, shuffle: true },
    ] satisfies Partial<LoaderOptions>[])
      await withLoader(dataset, { size, corruption, ...variant }, async (loader) => {
        for (const { origins, pixels } of await batches(loader, range(2 * loader.batchesPerEpoch))) {
          if (!expected.has(origins[0].id)) expected.set(origins[0].id, pixels);
          assert.deepEqual(pixels, expected.get(origins[0].id));
        }
      });
    const [id] = expected.keys();
    const index = dataset.images.findIndex((image) => image.id === id);
    const clean = await decode(dataset.fileOf(dataset.images[index]));
    const corrupted = resizeBilinear(await corrupt(clean, corruption, new Random(`4/gaussian_noise/3/${id}`)), 64, 64);
    const inputs = new Float32Array(64 * 64 * 3);
    fill(inputs, 0, 64, corrupted, false, normalizationTable(IMAGENET));
    assert.deepEqual(expected.get(id), inputs);
    await withLoader(dataset, { batch: 1, size, corruption: { ...corruption, seed: 5 } }, async (loader) =>
      assert.notDeepEqual((await batches(loader, [index]))[0].pixels, inputs),
    );
  },
);

test('pictures without boxes can be left out', async () => {
  const loader = createLoader(openCoco(await writeFixture(), 'train'), { ...EVALUATION, skipEmpty: true, workers: 0 });
  assert.deepEqual(loader.order(0), [1, 2, 5, 6, 7, 8, 9, 10, 11]);
});

async function damaged(skipBad: boolean): Promise<CocoDataset> {
  const folder = await writeFixture();
  const jpeg = readFileSync(join(folder, 'train', '5.jpg'));
  writeFileSync(join(folder, 'train', '5.jpg'), jpeg.subarray(0, jpeg.length - 40));
  writeFileSync(join(folder, 'train', '6.png'), await picture(6, 30, 40));
  return openCoco(folder, 'train', { skipBad });
}

for (const workers of [0, 1]) {
  test(`a bad picture is an error that names it (${workers} workers)`, async () => {
    await withLoader(await damaged(false), { ...EVALUATION, batch: 2, workers }, async (loader) => {
      assert.deepEqual(ids(plain(await loader.batch(0))), [1, 2]);
      await assert.rejects(loader.batch(2), (error: unknown) => {
        assert.ok(error instanceof DatasetError);
        assert.match(error.message, /5\.jpg \(image 5\) cannot be decoded/);
        return true;
      });
      assert.deepEqual(ids(plain(await loader.batch(3))), [7, 8]);
    });
  });

  test(
    'skipBad: training takes the next picture, evaluation leaves it ' + `out, both count it (${workers} workers)`,
    async () => {
      const training = await damaged(true);
      await withLoader(training, { ...EVALUATION, batch: 4, dropLast: true, workers }, async (loader) => {
        const [first, again] = await batches(loader, [1, 3]);
        assert.deepEqual(ids(first), [7, 7, 7, 8]);
        assert.deepEqual(again, first);
      });
      assert.deepEqual([training.skipped['bad-image'], training.skipped['image-size']], [1, 1]);
      const evaluation = await damaged(true);
      await withLoader(evaluation, { ...EVALUATION, workers }, async (loader) => {
        assert.deepEqual((await batches(loader, range(3))).map(ids), [
          [1, 2, 3, 4],
          [7, 8],
          [9, 10, 11],
        ]);
      });
      assert.deepEqual([evaluation.skipped['bad-image'], evaluation.skipped['image-size']], [1, 1]);
      await withLoader(evaluation, { ...EVALUATION, batch: 1, workers }, async (loader) => {
        await assert.rejects(loader.batch(4), /No picture of this batch can be used .*checkPictures/);
      });
    },
  );
}

test('wrong options are named', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const wrong: [Partial<LoaderOptions>, RegExp][] = [
    [{ batch: 0 }, /batch should be an integer >= 1, is 0/],
    [{ batch: 12, dropLast: true }, /has 11 pictures to load, too few for a batch of 12/],
    [{ size: { width: 10.5, height: 8 } }, /size\.width should be an integer/],
    [{ size: {} as LoaderOptions['size'] }, /size should be/],
    [{ flip: 2 }, /flip is a probability/],
    [{ std: [1, 0, 1] }, /std should be positive/],
    [{ workers: -1 }, /workers should be an integer >= 0/],
    [{ corruption: { name: 'rain' as CorruptionName, severity: 1 } }, /there is no corruption "rain"/],
    [{ corruption: { name: 'fog', severity: 0 } }, /severity of fog should be a whole number from 1 to 5, is 0/],
    [{ corruption: { name: 'fog', severity: 1 } }, /32 x 32 pixels or more; .*1\.png is 40 x 30/],
  ];
  for (const [options, message] of wrong)
    assert.throws(() => createLoader(dataset, { ...EVALUATION, ...options }), message);
  const loader = createLoader(dataset, { ...EVALUATION, workers: 0 });
  await assert.rejects(loader.batch(-1), /step should be an integer >= 0, is -1/);
});

test('no tensors pile up; closing rejects who still waits, and a batch asked for later opens it again', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const loader = createLoader(dataset, { ...TRAINING, workers: 2 });
  const before = tf.memory().numTensors;
  for (const step of range(10)) (await loader.batch(step)).images.dispose();
  assert.equal(tf.memory().numTensors, before);
  const { images, origins } = await loader.batch(10);
  await loader.close();
  const again = await loader.batch(10);
  assert.deepEqual(again.origins, origins);
  assert.deepEqual(again.images.dataSync(), images.dataSync());
  tf.dispose([images, again.images]);
  await loader.close();
  await loader.close();
  // Closed while its threads still start: nothing of this can have been made.
  const early = createLoader(dataset, { ...TRAINING, workers: 2 });
  const waiting = range(30).map((step) => assert.rejects(early.batch(step), /The loader was closed/));
  await early.close();
  await Promise.all(waiting);
});

test('a process with an open loader gets its batches and ends by itself', async () => {
  const folder = await writeFixture();
  const lib = join(__dirname, '../../lib/dist/coco');
  const script = (ending: string): string => `
    const { openCoco } = require(${JSON.stringify(join(lib, 'dataset.js'))});
    const { createLoader } = require(${JSON.stringify(join(lib, 'loader.js'))});
    const loader = createLoader(openCoco(${JSON.stringify(folder)}, 'train'), ${JSON.stringify({ ...TRAINING, workers: 2, ahead: 20 })});
    (async () => { for (let step = 0; step < 2; step++) console.log((await loader.batch(step)).images.shape[0]); ${ending} })();`;
  for (const ending of ['', 'process.exit();']) {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script(ending)], {
      encoding: 'utf8',
      timeout: 30000,
    });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, '3\n3\n');
  }
});

const shared = join(__dirname, '../../../shared/data');
const skip = existsSync(shared) ? false : 'needs ../shared/data, beside the repository';

test('real pictures: coco128 by the rule of 1333x800, blood cells at 256x192', { skip }, async () => {
  const coco = openCoco(join(shared, 'coco128'), 'val2017');
  assert.deepEqual([coco.images.length, coco.instances.annotations.length, coco.categories.length], [128, 898, 80]);
  const size = { longSide: 1333, shortSide: 800 };
  await withLoader(coco, { batch: 2, size, groupByAspect: true, shuffle: true, ahead: 0 }, async (loader) => {
    const [batch] = await batches(loader, [0]);
    assert.ok(batch.shape.slice(1, 3).every((side) => side % 32 === 0 && side <= 1344));
    for (const { inputWidth, inputHeight } of batch.origins) {
      assert.ok(inputWidth === 1333 || inputHeight === 1333 || Math.min(inputWidth, inputHeight) === 800);
    }
  });
  const cells = openCoco(join(shared, 'bccd'), 'val');
  await withLoader(cells, { batch: 8, size: { width: 256, height: 192 } }, async (loader) => {
    let boxes = 0;
    for (const step of range(loader.batchesPerEpoch)) {
      const batch = plain(await loader.batch(step));
      assert.deepEqual(batch.shape, [8, 192, 256, 3]);
      for (const { boxes: found } of batch.targets) {
        boxes += found.length / 4;
        assert.ok(found.every((value, i) => value >= 0 && value <= (i % 2 ? 192 : 256)));
      }
    }
    assert.equal(boxes, 945);
  });
});
