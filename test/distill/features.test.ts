/**
 * The teacher's features: cached ones are the live ones, in both flips; deviations leave the
 * detector as it is.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { openCoco } from '../../lib/dist/coco/dataset';
import { createLoader, type Loader } from '../../lib/dist/coco/loader';
import { RetinaNet, type HeadOutput } from '../../lib/dist/detection/retinanet';
import { cachedFeatures, dividedFeatures, liveFeatures } from '../../lib/dist/distill/feature-cache';
import { checkTeacher, TeacherMismatchError } from '../../lib/dist/distill/evaluate';
import { pyramidDeviations, Teacher } from '../../lib/dist/distill/teacher';
import { tf, type Tensor, type Tensor4D } from '../../lib/dist/tf';
import { pictures } from './setup';
import { tinyTeacher, writePictures } from './tiny';

let folder: string;
before(async () => {
  folder = await writePictures({ train: 7, val: 1 });
});

function assertClose(actual: Tensor[], expected: Tensor[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((map, level) => {
    assert.deepEqual(map.shape, expected[level].shape);
    const largest = tf.tidy(() => tf.max(tf.abs(tf.sub(map, expected[level]))).dataSync()[0]);
    assert.ok(largest <= tolerance, `level ${level} differs by ${largest}`);
  });
}

describe('cached features', () => {
  it('equal the live ones within 1e-6 of their size, shuffled and flipped, and leave no tensor behind', async () => {
    const detector = new RetinaNet(tinyTeacher, { seed: 5 });
    const teacher = new Teacher(detector, [0.5, 2]);
    const [plain, flipped, training] = [
      pictures(folder, { batch: 3 }),
      pictures(folder, { batch: 3, flip: 1 }),
      pictures(folder, { shuffle: true, flip: 0.5, seed: 6 }),
    ];
    const before = tf.memory().numTensors;
    const progress: string[] = [];
    const cached = await cachedFeatures(teacher, { plain, flipped }, (done, total) =>
      progress.push(`${done}/${total}`),
    );
    assert.equal(tf.memory().numTensors, before);
    assert.deepEqual(progress, ['1/6', '2/6', '3/6', '4/6', '5/6', '6/6']);
    const flips = new Set<boolean>();
    for (let step = 0; step < 4; step++) {
      const batch = await training.batch(step);
      batch.origins.forEach((origin) => flips.add(origin.flipped));
      const [kept, live] = [cached(batch), liveFeatures(teacher)(batch)];
      assertClose(kept, live, 1e-6 * tf.tidy(() => tf.max(tf.abs(live[0])).dataSync()[0]) + 1e-6);
      tf.dispose([kept, live, batch.images]);
    }
    assert.equal(flips.size, 2);
    assert.equal(tf.memory().numTensors, before);
    const stranger = {
      images: tf.zeros([1, 64, 64, 3]) as never,
      targets: [],
      origins: [{ ...(await plain.batch(0)).origins[0], id: 99 }],
    };
    assert.throws(() => cached(stranger), /picture 99 is not in the cache of teacher features/);
    const augmented = { shift: { x: 0, y: 0 }, shown: [0, 0, 64, 64] as const };
    const changed = { ...stranger, origins: [{ ...(await plain.batch(0)).origins[0], augmented }] };
    assert.throws(() => cached(changed), /picture \d+ is augmented, .*use liveFeatures/);
    detector.dispose();
  });

  it('are refused where inputs differ in size', async () => {
    const detector = new RetinaNet(tinyTeacher);
    const teacher = new Teacher(detector, [1, 1]);
    const dataset = openCoco(folder, 'train');
    const loader = (width: number): ReturnType<typeof createLoader> =>
      createLoader(dataset, { size: { width, height: 64 }, batch: 7, workers: 0 });
    await assert.rejects(cachedFeatures(teacher, { plain: loader(64), flipped: loader(96) }), /use liveFeatures/);
    detector.dispose();
  });
});

describe('a teacher', () => {
  it('divided by its deviations is the same detector, with features of deviation 1', async () => {
    const detector = new RetinaNet(tinyTeacher, { seed: 5 });
    const loader = pictures(folder, { batch: 7 });
    const deviations = await pyramidDeviations(detector, loader);
    const [teacher, plain] = [new Teacher(detector, deviations), new Teacher(detector, [1, 1])];
    const batch = await loader.batch(0);
    const features = teacher.pyramid(batch.images);
    for (const map of features) {
      const deviation = tf.tidy(() => tf.sqrt(tf.moments(map).variance).dataSync()[0]);
      assert.ok(Math.abs(deviation - 1) < 1e-3, `deviation ${deviation}`);
    }
    const undivided = plain.pyramid(batch.images);
    assertClose(undivided, detector.pyramid(batch.images), 0);
    assertClose(dividedFeatures(liveFeatures(plain), deviations)(batch), features, 0);
    const [own, original] = [teacher.head(features) as HeadOutput[], detector.head(undivided)];
    own.forEach(({ logits, deltas }, level) =>
      assertClose([logits, deltas], [original[level].logits, original[level].deltas], 1e-5),
    );
    assert.ok(detector.parameters.all().every(({ trainable }) => !trainable));
    detector.dispose();
  });

  it('has its deviations from the first 80 pictures, whatever the batch', async () => {
    const detector = new RetinaNet(tinyTeacher, { seed: 5 });
    /** 82 made pictures, of which the last two differ much. */
    const loader = (batch: number): Loader => ({
      length: 82,
      batchesPerEpoch: Math.ceil(82 / batch),
      shard: { rank: 0, size: 1 },
      batch: async (step: number) => {
        const ids = Array.from({ length: Math.min(batch, 82 - batch * step) }, (_, i) => batch * step + i);
        const images = tf.tidy(() =>
          tf.stack(ids.map((id) => tf.randomUniform([32, 32, 3], -1, id < 80 ? 1 : 50, 'float32', id))),
        );
        return { images: images as Tensor4D, targets: [], origins: [] };
      },
      close: async () => undefined,
    } as unknown as Loader);
    const before = tf.memory().numTensors;
    const eighty = await loader(80).batch(0);
    const expected = tf.tidy(() =>
      detector.pyramid(eighty.images).map((map) => tf.sqrt(tf.moments(map).variance).dataSync()[0]),
    );
    eighty.images.dispose();
    for (const batch of [1, 7, 10, 82]) {
      const deviations = await pyramidDeviations(detector, loader(batch));
      deviations.forEach((deviation, level) =>
        assert.ok(Math.abs(deviation / expected[level] - 1) < 1e-4, `batch ${batch}: ${deviation}, ${expected[level]}`),
      );
    }
    assert.equal(tf.memory().numTensors, before);
    detector.dispose();
  });

  it('with a deviation of 0, or none, is an error that names the level', async () => {
    const detector = new RetinaNet(tinyTeacher, { seed: 5 });
    const loader = pictures(folder, { batch: 7 });
    for (const [value, deviation] of [[0, '0'], [NaN, 'NaN']] as const) {
      const weight = detector.parameters.get('neck.fpn_convs.1.conv.weight');
      tf.tidy(() => weight.assign(tf.fill(weight.shape, value)));
      await assert.rejects(
        pyramidDeviations(detector, loader),
        new RegExp(`pyramid level 1 \\(stride 16\\) of the teacher has the deviation ${deviation}, where`),
      );
    }
    assert.throws(() => new Teacher(detector, [1, 0]), /pyramid level 1 \(stride 16\) of the teacher has the deviation 0/);
    assert.throws(() => new Teacher(detector, [1]), /pyramid has 2 levels, but 1 deviations are given/);
    detector.dispose();
  });

  it('that misses the AP of its card is named before any distillation', () => {
    checkTeacher(30.4, 30);
    checkTeacher(28, 30, 2);
    const wrong = (): void => checkTeacher(3.14, 30.26);
    assert.throws(wrong, TeacherMismatchError);
    assert.throws(
      wrong,
      /the teacher reaches 3\.1 AP where 30\.3 is expected \(tolerance 0\.5\): check that the weights, the data set, its categories and the preprocessing are the ones of its card, or make the teacher again with --train-teacher/,
    );
    assert.throws(() => checkTeacher(NaN, 30), TeacherMismatchError);
  });
});
