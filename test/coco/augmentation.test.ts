/**
 * Augmentation: boxes follow pixels, colours equal a plain copy, draws depend on seed, epoch and
 * picture alone.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import {
  drawAugmentation,
  standardAugmentation,
  viewOf,
  type Augmentation,
} from '../../lib/dist/coco/augmentation';
import { changeColor, drawColor } from '../../lib/dist/coco/color';
import { openCoco, type CocoDataset } from '../../lib/dist/coco/dataset';
import { toCocoDetections } from '../../lib/dist/coco/detections';
import { createLoader, type Loader, type LoaderOptions } from '../../lib/dist/coco/loader';
import { originOf, targetOf } from '../../lib/dist/coco/transforms';
import type { CocoAnnotation } from '../../lib/dist/coco/types';
import { Random } from '../../lib/dist/core/random';
import type { Batch } from '../../lib/dist/data/types';
import { temporary, writeFixture } from './fixture';

const { zoom, color } = standardAugmentation;
const classOf = new Map([[1, 0]]);

const annotation = (bbox: [number, number, number, number]): CocoAnnotation => ({
  id: 1,
  image_id: 1,
  category_id: 1,
  bbox,
  area: bbox[2] * bbox[3],
  iscrowd: 0,
});

/** Split `train` of black pictures, each with one white rectangle, its object. */
async function writeRectangles(sizes: readonly (readonly [number, number])[]): Promise<CocoDataset> {
  const folder = temporary();
  const random = new Random('rectangles');
  mkdirSync(join(folder, 'annotations'));
  mkdirSync(join(folder, 'train'));
  const [images, annotations]: object[][] = [[], []];
  for (const [i, [width, height]] of sizes.entries()) {
    const [w, h] = [20 + random.int(width / 2), 20 + random.int(height / 2)];
    const [x, y] = [random.int(width - w), random.int(height - h)];
    const data = new Uint8Array(width * height * 3);
    for (let row = y; row < y + h; row++)
      data.fill(255, (row * width + x) * 3, (row * width + x + w) * 3);
    const file_name = `${i + 1}.png`;
    writeFileSync(
      join(folder, 'train', file_name),
      await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer(),
    );
    images.push({ id: i + 1, file_name, width, height });
    annotations.push({ ...annotation([x, y, w, h]), id: i + 1, image_id: i + 1 });
  }
  const categories = [{ id: 1, name: 'rectangle' }];
  writeFileSync(join(folder, 'annotations/instances_train.json'), JSON.stringify({ images, annotations, categories }));
  return openCoco(folder, 'train');
}

/** Where the pixels of an input are above half of white: x1, y1, x2, y2. */
function lightIn(pixels: Float32Array, n: number, [, height, width]: number[]): number[] {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (pixels[((n * height + y) * width + x) * 3] < 127.5) continue;
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x + 1);
      box[3] = Math.max(box[3], y + 1);
    }
  return box;
}

const BYTES = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

for (const [name, size, antialias] of [
  ['a fixed size', { width: 96, height: 64 }, true],
  ['limits of the sides', { longSide: 120, shortSide: 80 }, false],
] as const)
  test(`boxes follow pixels at ${name}: scaled, cut, padded and mirrored`, async () => {
    const sizes = Array.from({ length: 12 }, (_, i) => [[160, 120], [90, 140], [400, 300]][i % 3] as [number, number]);
    const dataset = await writeRectangles(sizes);
    const augmentation: Augmentation = { zoom: { scale: [0.4, 2.5], aspect: 1.5 } };
    const options = {
      batch: 4,
      size,
      antialias,
      flip: 0.5,
      shuffle: true,
      seed: 3,
      augmentation,
      ...BYTES,
      workers: 0,
    };
    const loader = createLoader(dataset, options);
    const kinds = new Set<string>();
    for (let step = 0; step < 30; step++) {
      const { images, targets, origins } = await loader.batch(step);
      const pixels = images.dataSync<'float32'>();
      targets.forEach(({ boxes }, n) => {
        const { scaleX, flipped, augmented, inputWidth } = origins[n];
        const [left, top, right, bottom] = augmented!.shown;
        kinds.add(`${right - left < inputWidth ? 'smaller' : 'larger'} ${flipped}`);
        assert.ok(left >= 0 && top >= 0 && right <= inputWidth && bottom <= origins[n].inputHeight);
        if (boxes.length === 0) return; // ten tries did not find the object
        const found = lightIn(pixels, n, images.shape);
        const tolerance = Math.max(1, scaleX); // a pixel of the original or of the input
        found.forEach((side, i) =>
          assert.ok(Math.abs(side - boxes[i]) <= tolerance, `step ${step}, ${n}: ${found} for ${boxes}`),
        );
        const { id, width, height } = origins[n];
        const scores = Float32Array.of(1);
        const [{ bbox }] = toCocoDetections([{ boxes, scores, labels: Int32Array.of(0) }], [origins[n]], [{ id: 1 }]);
        const [whole] = dataset.annotationsOf(id);
        const within =
          bbox[0] >= -1e-3 &&
          bbox[1] >= -1e-3 &&
          bbox[0] + bbox[2] <= width + 1e-3 &&
          bbox[1] + bbox[3] <= height + 1e-3;
        assert.ok(within && bbox[2] <= whole.bbox[2] + 1e-3 && bbox[3] <= whole.bbox[3] + 1e-3, `back: ${bbox}`);
        if (bbox[2] > whole.bbox[2] - 1e-3) assert.ok(Math.abs(bbox[0] - whole.bbox[0]) < 1e-3);
      });
      images.dispose();
    }
    await loader.close();
    assert.deepEqual([...kinds].sort(), ['larger false', 'larger true', 'smaller false', 'smaller true']);
  });

test('a box is kept where its centre is shown and a pixel of it is left, and clipped to what is shown', () => {
  const image = { id: 1, file_name: '', width: 100, height: 100 };
  const augmentation: Augmentation = { zoom: { scale: [0.5, 2], aspect: 1 } };
  const boxesOf = (factor: number, position: [number, number], ...bboxes: [number, number, number, number][]) => {
    const drawn = { zoom: { factors: [factor, factor] as [number, number], position } };
    const origin = originOf(image, { width: 50, height: 50 }, false, augmentation, drawn);
    return [...targetOf(bboxes.map(annotation), origin, classOf).boxes];
  };
  // The upper left quarter of the picture, every pixel one input pixel.
  assert.deepEqual(boxesOf(2, [0, 0], [40, 10, 18, 10], [41, 10, 18, 10], [42, 10, 18, 10]), [
    40, 10, 50, 20, // centre 49
    // centre 50 is outside already
  ]);
  // Its lower right quarter.
  assert.deepEqual(boxesOf(2, [1, 1], [40, 60, 20, 20], [39, 60, 20, 20]), [0, 10, 10, 30]);
  // Of a box 1.5 pixels wide half a pixel would be left, more than a half of it, but less than a
  // pixel.
  assert.deepEqual(boxesOf(2, [0, 0], [49.2, 10, 1.5, 10]), []);
  assert.deepEqual(boxesOf(2, [0, 0], [48.9, 10, 1.5, 10]).map(Math.round), [49, 10, 50, 20]);
  // Half as large, in the lower right of the input.
  assert.deepEqual(boxesOf(0.5, [1, 1], [0, 0, 100, 100], [-10, 50, 30, 20]), [25, 25, 50, 50, 25, 37.5, 30, 42.5]);
});

test('without augmentation origin and view are those of plain resizing', () => {
  const image = { id: 1, file_name: '', width: 37, height: 23 };
  const size = { width: 64, height: 48 };
  assert.ok(!('augmented' in originOf(image, size, true)));
  const whole = { x: 0, y: 0, ...size };
  assert.deepEqual(viewOf(image, size), { kept: size, part: whole, place: whole, input: size });
});

test('colours equal the plain copy', () => {
  const golden = JSON.parse(readFileSync(join(__dirname, '../golden/color.json'), 'utf8')) as {
    pixels: number[];
    answers: { change: Parameters<typeof changeColor>[1]; values: number[] }[];
  };
  const data = Uint8Array.from(golden.pixels);
  const picture = { width: data.length / 3, height: 1, data };
  for (const { change, values } of golden.answers) {
    changeColor(picture, change).data.forEach((byte, i) =>
      assert.ok(Math.abs(byte - values[i]) < 0.5001, `${JSON.stringify(change)}: ${byte} for ${values[i]}`),
    );
    assert.deepEqual([...data], golden.pixels, 'the given picture stays as it is');
  }
});

test('ranges of colours are kept, and half of the parts are left out', () => {
  const random = new Random(1);
  const drawn = Array.from({ length: 2000 }, () => drawColor(color!, random));
  const share = (hit: (change: (typeof drawn)[number]) => boolean): number => drawn.filter(hit).length / drawn.length;
  for (const part of [
    share(({ brightness }) => brightness === 0),
    share(({ contrast }) => contrast === 1),
    share(({ saturation }) => saturation === 1),
    share(({ hue }) => hue === 0),
    share(({ contrastFirst }) => contrastFirst),
  ])
    assert.ok(Math.abs(part - 0.5) < 0.04, `${part}`);
  for (const { brightness, contrast, saturation, hue } of drawn) {
    assert.ok(Math.abs(brightness) <= 32 && Math.abs(hue) <= 18);
    assert.ok(contrast >= 0.5 && contrast <= 1.5 && saturation >= 0.5 && saturation <= 1.5);
  }
});

test('a part without an object is drawn anew, ten times at most', () => {
  const asked: number[] = [];
  const drawn = drawAugmentation({ zoom }, new Random(2), ({ zoom: { factors: [factor] } = { factors: [0] } }) => {
    asked.push(factor);
    return asked.length === 4;
  });
  assert.equal(asked.length, 4);
  assert.equal(drawn.zoom!.factors[0], asked[3]);
  assert.equal(new Set(asked).size, 4);
  const last = drawAugmentation({ zoom }, new Random(2), (tried) => (asked.push(tried.zoom!.factors[0]), false));
  assert.equal(asked.length, 14);
  assert.equal(last.zoom!.factors[0], asked[13]);
});

interface Plain extends Omit<Batch, 'images'> {
  shape: number[];
  pixels: Float32Array;
}

async function batches(dataset: CocoDataset, options: LoaderOptions, steps: readonly number[]): Promise<Plain[]> {
  const loader: Loader = createLoader(dataset, options);
  const result: Plain[] = [];
  for (const step of steps) {
    const { images, targets, origins } = await loader.batch(step);
    result.push({ shape: images.shape, pixels: images.dataSync<'float32'>().slice(), targets, origins });
    images.dispose();
  }
  await loader.close();
  return result;
}

const TRAINING: LoaderOptions = {
  batch: 4,
  size: { width: 32, height: 24 },
  flip: 0.5,
  shuffle: true,
  seed: 5,
  augmentation: standardAugmentation,
};
const STEPS = [0, 1, 2, 3, 4, 5];

test('augmented batches are the same with any threads and cache, after a restart, and for any ranks', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  for (const augmentation of [
    standardAugmentation,
    { sizes: [{ longSide: 40, shortSide: 30 }, { longSide: 80, shortSide: 50 }], ...standardAugmentation },
  ]) {
    const options = { ...TRAINING, augmentation };
    const expected = await batches(dataset, { ...options, workers: 0, cache: 'none' }, STEPS);
    for (const variant of [{}, { workers: 2 }, { workers: 2, cache: 'none' as const }, { cacheLimit: 10 }])
      assert.deepEqual(await batches(dataset, { ...options, ...variant }, STEPS), expected, JSON.stringify(variant));
    assert.deepEqual(await batches(dataset, options, STEPS.slice(3)), expected.slice(3));
    const [first, second] = await Promise.all(
      [0, 1].map((rank) => batches(dataset, { ...options, batch: 2, shard: { rank, size: 2 } }, STEPS)),
    );
    for (const step of STEPS) {
      assert.deepEqual(first[step].shape.slice(1), expected[step].shape.slice(1), 'one size for all ranks');
      assert.deepEqual([...first[step].targets, ...second[step].targets], expected[step].targets);
      assert.deepEqual([...first[step].origins, ...second[step].origins], expected[step].origins);
      const both = [...first[step].pixels, ...second[step].pixels];
      assert.deepEqual(Float32Array.from(both), expected[step].pixels);
    }
  }
});

test('what is drawn differs between epochs and pictures; order and flips are those without augmentation', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const augmented = await batches(dataset, { ...TRAINING, workers: 0 }, STEPS);
  const plain = await batches(dataset, { ...TRAINING, augmentation: undefined, workers: 0 }, STEPS);
  const facts = (found: Plain[]): unknown =>
    found.map(({ origins }) => origins.map(({ id, flipped }) => [id, flipped]));
  assert.deepEqual(facts(augmented), facts(plain));
  assert.ok(plain.every(({ origins }) => origins.every((origin) => !('augmented' in origin))));
  const shown = augmented.flatMap(({ origins }) =>
    origins.map(({ augmented }) => String(augmented!.shown) + augmented!.shift.x),
  );
  assert.ok(new Set(shown).size > shown.length * 0.6, `${shown}`);
});

test('multi-scale by list draws one of its sizes for each picture', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const sizes = [32, 40].map((shortSide) => ({ longSide: 64, shortSide }));
  const options = { batch: 1, size: sizes[1], shuffle: true, augmentation: { sizes }, workers: 0 };
  const seen = (
    await batches(
      dataset,
      options,
      Array.from({ length: 44 }, (_, i) => i),
    )
  ).map(({ origins: [origin] }) => origin);
  const short = seen.map(({ inputWidth, inputHeight }) => Math.min(inputWidth, inputHeight));
  const upright = seen.filter(({ width, height }) => Math.max(width, height) / Math.min(width, height) < 1.6);
  assert.ok(short.includes(32) && short.includes(40));
  for (const { width, height, inputWidth, inputHeight, scaleX } of upright) {
    const side = Math.min(inputWidth, inputHeight);
    assert.ok(side === 32 || side === 40, `${width}x${height}: ${inputWidth}x${inputHeight}`);
    assert.equal(scaleX, inputWidth / width);
  }
  const share =
    upright.filter(({ inputWidth, inputHeight }) => Math.min(inputWidth, inputHeight) === 32).length / upright.length;
  assert.ok(share > 0.25 && share < 0.75, `${share}`);
});

test('a wrong augmentation is named', async () => {
  const dataset = openCoco(await writeFixture(), 'train');
  const refused = (augmentation: unknown, message: RegExp): void =>
    assert.throws(() => createLoader(dataset, { ...TRAINING, augmentation: augmentation as Augmentation }), message);
  refused(
    { zoom: { scale: [2, 1], aspect: 1 } },
    /createLoader: augmentation: zoom\.scale: must be a smaller and a larger number/,
  );
  refused({ zoom: { scale: [0, 1], aspect: 1 } }, /zoom\.scale\.0: must be a number from 0\.1 to 10, is 0/);
  refused({ sizes: [] }, /sizes: must be a list of 1 to 100 values/);
  refused({ colour: {} }, /there is no field "colour" \(did you mean "color"\?\)/);
});
