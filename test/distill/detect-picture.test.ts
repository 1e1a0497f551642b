/** A detector in one file, and shown single pictures. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createDetector,
  createLoader,
  detectPicture,
  evaluateDetector,
  openCoco,
  readDetector,
  sceneCategories,
  tf,
  writeDetector,
  writeSafetensors,
  type DetectorConfig,
} from 'freekd';
import { detectorKinds, smallDetectors } from '../../lib/dist/detection/families';
import { hashOf, temporary, tinyStudent, writePictures } from './tiny';

const categories = [{ id: 3, name: 'disc' }, { id: 7, name: 'square' }];

/** A detector of random weights whose scores are spread enough to be above the threshold here and there. */
function spread(model: DetectorConfig): ReturnType<typeof createDetector> {
  const detector = createDetector(model, { seed: 5 });
  for (const parameter of detector.parameters.all()) {
    if (!/cls/.test(parameter.name)) continue;
    const { shape, data } = detector.parameters.read().get(parameter.name)!;
    const louder = tf.tensor(data.map((value) => (shape.length === 1 ? -2 : 20 * value)), shape);
    parameter.assign(louder);
    louder.dispose();
  }
  return detector;
}

for (const kind of detectorKinds)
  test(`${kind}: what was written finds on single pictures what evaluation finds`, async () => {
    const folder = await writePictures({ train: 1, val: 3 });
    const dataset = openCoco(folder, 'val');
    const model = { ...smallDetectors(kind).student, classes: 2 } as DetectorConfig;
    const detector = spread(model);
    for (const size of [{ width: 96, height: 64 }, { longSide: 90, shortSide: 70 }]) {
      const file = join(folder, 'detector.safetensors');
      await writeDetector(file, { detector, size, antialias: false, categories });
      const stored = await readDetector(file);
      assert.equal(hashOf(stored.detector.parameters), hashOf(detector.parameters));
      assert.deepEqual(stored.detector.config, model);
      assert.deepEqual([stored.size, stored.antialias, stored.categories], [size, false, categories]);

      const loader = createLoader(dataset, { batch: 1, size, workers: 0 });
      const { detections } = await evaluateDetector(detector, dataset, loader);
      assert.ok(detections.length > 10, `${detections.length} detections`);
      const tensors = tf.memory().numTensors;
      for (const image of dataset.images) {
        const found = await detectPicture(stored, dataset.fileOf(image));
        const expected = detections.filter(({ image_id }) => image_id === image.id);
        assert.deepEqual(
          found,
          expected.map(({ category_id, bbox, score }) => ({
            name: category_id === 3 ? 'disc' : 'square',
            category_id,
            bbox,
            score,
          })),
        );
      }
      assert.equal(tf.memory().numTensors, tensors);
      await loader.close();
      stored.detector.dispose();
    }
    detector.dispose();
  });

test('every shipped teacher can be shown pictures', async () => {
  const folder = join(__dirname, '../../data/teachers');
  const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
  assert.ok(files.length > 0);
  for (const file of files) {
    const { detector, size, categories: named } = await readDetector(join(folder, file));
    assert.deepEqual(size, { width: 128, height: 128 });
    assert.deepEqual(named, sceneCategories.map(({ id, name }) => ({ id, name })));
    detector.dispose();
  }
});

test('a file says what of it is wrong', async () => {
  const folder = temporary();
  const file = join(folder, 'weights.safetensors');
  const detector = createDetector(tinyStudent);
  const weights = detector.parameters.read();
  const description = { model: tinyStudent, size: { width: 64, height: 64 }, categories };
  const wrong = async (changed: object, expected: RegExp): Promise<void> => {
    await writeSafetensors(file, weights, { detector: JSON.stringify({ ...description, ...changed }) });
    await assert.rejects(readDetector(file), expected);
  };
  await wrong({ size: { width: 0, height: 64 } }, /weights\.safetensors: size\.width: must be a whole number from 8/);
  await wrong({ categories: categories.slice(1) }, /weights\.safetensors: has 2 classes but 1 categories/);
  await wrong({ model: { ...tinyStudent, kind: 'yolo' } }, /model\.kind: must be one of retinanet/);
  await wrong(
    { model: { ...tinyStudent, head: { ...tinyStudent.head, convs: 2 } } },
    /weights\.safetensors: these weights do not fit the model; missing: bbox_head\.cls_convs\.1/,
  );
  await writeSafetensors(file, weights);
  await assert.rejects(readDetector(file), /does not say what its detector is, in its metadata or in a card .*\.json/);
  writeFileSync(join(folder, 'weights.json'), '{ "config": {');
  await assert.rejects(readDetector(file), /weights\.json is no JSON/);
  writeFileSync(join(folder, 'weights.json'), JSON.stringify({ config: description, categories }));
  const stored = await readDetector(file);
  assert.deepEqual(stored.categories, categories);
  await assert.rejects(detectPicture(stored, file), /weights\.safetensors cannot be read as a picture \(its first bytes/);
  stored.detector.dispose();
  detector.dispose();
});
