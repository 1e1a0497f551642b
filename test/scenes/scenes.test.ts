/** What one emoji scene shows, and the noise behind it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { colourNoise, fft, fieldPair } from '../../lib/dist/scenes/background';
import { sceneConfig, sceneHash } from '../../lib/dist/scenes/config';
import { ScenePainter } from '../../lib/dist/scenes/scene';
import { distractorEmoji, sceneCategories } from '../../lib/dist/scenes/vocabulary';
import { Random } from '../../lib/dist/core/random';

test('categories have the ids and names of COCO', () => {
  // From the category list of torchvision's COCO detectors, whose position is the id.
  const official = {
    person: 1,
    bicycle: 2,
    car: 3,
    airplane: 5,
    bus: 6,
    cat: 17,
    dog: 18,
    horse: 19,
    elephant: 22,
    umbrella: 28,
    banana: 52,
    clock: 85,
  };
  assert.deepEqual(Object.fromEntries(sceneCategories.map(({ id, name }) => [name, id])), official);
  const emoji = [...sceneCategories.flatMap((category) => category.emoji), ...distractorEmoji];
  assert.equal(new Set(emoji).size, emoji.length);
});

test('fft is the inverse discrete Fourier transform without 1/n', () => {
  const random = new Random(1);
  const n = 16;
  const [real, imaginary] = [Float64Array.from(random.normals(n)), Float64Array.from(random.normals(n))];
  const [a, b] = [real.slice(), imaginary.slice()];
  fft(real, imaginary, 0, n);
  for (let k = 0; k < n; k++) {
    let [re, im] = [0, 0];
    for (let i = 0; i < n; i++) {
      const angle = (2 * Math.PI * i * k) / n;
      re += a[i] * Math.cos(angle) - b[i] * Math.sin(angle);
      im += a[i] * Math.sin(angle) + b[i] * Math.cos(angle);
    }
    assert.ok(Math.abs(real[k] - re) < 1e-12 && Math.abs(imaginary[k] - im) < 1e-12);
  }
});

test('the amplitude of the background falls as 1 / f^a', () => {
  const n = 128;
  for (const exponent of [0.8, 1.2]) {
    const [field] = fieldPair(n, exponent, new Random(`slope ${exponent}`));
    const power = new Float64Array(n / 2);
    for (let row = 0; row < n; row++) {
      // One row's power spectrum falls as f^(1 - 2a): summed over the other axis, a plane's loses
      // one power of f.
      const [real, imaginary] = [Float64Array.from(field.subarray(row * n, (row + 1) * n)), new Float64Array(n)];
      fft(real, imaginary, 0, n);
      for (let f = 1; f < n / 2; f++) power[f] += real[f] ** 2 + imaginary[f] ** 2;
    }
    const band = (low: number, high: number): number =>
      power.slice(low, high).reduce((sum, p) => sum + p, 0) / (high - low);
    const slope = Math.log(band(14, 19) / band(3, 6)) / Math.log(16 / 4);
    assert.ok(Math.abs(slope - (1 - 2 * exponent)) < 0.35, `slope ${slope} for exponent ${exponent}`);
  }
});

test('the background fits sizes that are not powers of two', () => {
  const picture = colourNoise(50, new Random(2));
  assert.equal(picture.length, 50 * 50 * 3);
  assert.ok(picture.every(Number.isFinite));
});

test('boxes are the tight boxes of the visible pixels, inside the picture, large enough', () => {
  const config = sceneConfig();
  const painter = new ScenePainter(config);
  let objects = 0;
  for (let index = 0; index < 30; index++) {
    const scene = painter.paint('train', index);
    assert.ok(scene.objects.length <= config.objects[1]);
    scene.objects.forEach(({ bbox: [x, y, width, height], area }, i) => {
      const rows: number[] = [];
      const columns: number[] = [];
      scene.owner.forEach((owner, at) => {
        if (owner !== i) return;
        rows.push(Math.floor(at / config.size));
        columns.push(at % config.size);
      });
      assert.equal(area, rows.length);
      assert.ok(area >= 12);
      assert.deepEqual([x, y], [Math.min(...columns), Math.min(...rows)]);
      assert.deepEqual([x + width - 1, y + height - 1], [Math.max(...columns), Math.max(...rows)]);
      assert.ok(x >= 0 && y >= 0 && x + width <= config.size && y + height <= config.size);
      objects++;
    });
  }
  assert.ok(objects > 60, `${objects} objects in 30 scenes`);
});

test('an object covers its pixels: without blur and noise they differ from the bare background', () => {
  const settings = { blur: 0, noise: 0, distractors: [0, 0] as const };
  const full = new ScenePainter(sceneConfig({ ...settings, objects: [3, 3] })).paint('val', 1);
  const bare = new ScenePainter(sceneConfig({ ...settings, objects: [0, 0] })).paint('val', 1);
  let differing = 0;
  let covered = 0;
  full.owner.forEach((owner, i) => {
    const changed = [0, 1, 2].some((c) => full.pixels[i * 3 + c] !== bare.pixels[i * 3 + c]);
    if (owner >= 0) covered++;
    if (owner >= 0 && changed) differing++;
  });
  assert.equal(bare.objects.length, 0);
  assert.ok(covered > 500 && differing > 0.98 * covered, `${differing} of ${covered}`);
});

test('pixels are a function of seed, split and index alone', () => {
  const sha = (pixels: Uint8Array): string => createHash('sha256').update(pixels).digest('hex');
  const first = sha(new ScenePainter(sceneConfig()).paint('train', 7).pixels);
  const painter = new ScenePainter(sceneConfig({ train: 10, val: 3 }));
  painter.paint('train', 3);
  assert.equal(sha(painter.paint('train', 7).pixels), first);
  assert.notEqual(sha(painter.paint('val', 7).pixels), first);
  assert.notEqual(sha(painter.paint('train', 8).pixels), first);
  assert.notEqual(sha(new ScenePainter(sceneConfig({ seed: 1 })).paint('train', 7).pixels), first);
});

test('the variant with small objects has small objects', () => {
  const painter = new ScenePainter(sceneConfig({ minSize: 10, maxSize: 30 }));
  const sides = Array.from({ length: 20 }, (_, i) => painter.paint('train', i).objects)
    .flat()
    .map(({ bbox }) => Math.max(bbox[2], bbox[3]));
  assert.ok(sides.length > 30);
  assert.ok(Math.max(...sides) <= 30 * Math.SQRT2 * Math.sqrt(1.25) && Math.min(...sides) < 14, `${sides}`);
});

test('wrong settings are named', () => {
  assert.throws(() => sceneConfig({ size: 5000 }), /size is 5000.*16 to 2048/);
  assert.throws(() => sceneConfig({ train: 1.5 }), /train is 1.5.*whole number/);
  assert.throws(() => sceneConfig({ minSize: 40, maxSize: 30 }), /maxSize is 30.*from 40/);
  assert.throws(() => sceneConfig({ objects: [4, 2] }), /objects is \[4,2\].*fewest, most/);
  assert.throws(() => sceneConfig({ seeds: 3 } as object), /no setting 'seeds'.*seed, train/);
  assert.notEqual(sceneHash(sceneConfig()), sceneHash(sceneConfig({ noise: 9 })));
  assert.equal(sceneHash(sceneConfig()), sceneHash(sceneConfig({ seed: undefined })));
});
