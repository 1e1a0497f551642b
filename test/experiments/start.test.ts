/**
 * What a teacher of one's own pictures starts from: rows of classes with equal names are kept, the
 * rest is fresh; what was taken is said, decides the teacher's identity, and does not fit silently.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDetector, detectorKinds, smallDetectors } from '../../lib/dist/detection/families';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { writeDetector } from '../../lib/dist/distill/detector-file';
import { startFrom } from '../../lib/dist/distill/start';
import { cocoCategoryNames } from '../../lib/dist/coco/category-names';
import { checkpointFile } from '../../lib/dist/experiments/checkpoint-file';
import { openSplits } from '../../lib/dist/experiments/data';
import { emojiScenes, type Experiment } from '../../lib/dist/experiments/experiment';
import { Session } from '../../lib/dist/experiments/session';
import { beginWith, modelOfStart, startNames } from '../../lib/dist/experiments/start';
import { readCard } from '../../lib/dist/experiments/teacher-file';
import { tf } from '../../lib/dist/tf';
import { sha256 } from '../../lib/dist/train/checkpoint';
import { importWeights } from '../../lib/dist/weights/import';
import { temporary, tinyModel, tinyStudent, tinyTeacher, writePictures } from '../distill/tiny';

const named = (...names: string[]) => names.map((name, id) => ({ id, name }));

test('RetinaNet: a class that is known keeps its logits at every anchor, a new one the start of a class', () => {
  const anchors = { ...tinyTeacher.anchors, ratios: [1, 2] };
  const old = new RetinaNet({ ...tinyTeacher, anchors, classes: 3 }, { seed: 1 });
  const own = new RetinaNet({ ...tinyTeacher, anchors, classes: 2 }, { seed: 2 });
  const bias = own.parameters.get('bbox_head.retina_cls.bias');
  const [start] = bias.value.dataSync();
  const from = { detector: old, categories: named('cat', 'traffic light', 'dog') };
  assert.deepEqual(startFrom(own, named('owl', 'Traffic_Light'), from), ['Traffic_Light']);
  const logits = (detector: RetinaNet, classes: number): number[][] => tf.tidy(() => {
    const x = tf.randomNormal([1, 64, 64, 3], 0, 1, 'float32', 7) as tf.Tensor4D;
    const [level] = detector.head(detector.pyramid(x));
    return level.logits.reshape([-1, classes]).transpose().arraySync() as number[][];
  });
  const [theirs, mine] = [logits(old, 3), logits(own, 2)];
  theirs[1].forEach((value, place) => assert.ok(Math.abs(value - mine[1][place]) < 1e-5));
  assert.ok(theirs[0].some((value, place) => Math.abs(value - mine[0][place]) > 1e-4));
  const values = [...bias.value.dataSync()];
  assert.deepEqual([values[0], values[2]], [start, start]);
  [old, own].forEach((detector) => detector.dispose());
});

for (const kind of detectorKinds)
  test(`${kind}: all classes in another order are the same numbers in another order, the rest is equal`, () => {
    const { teacher } = smallDetectors(kind);
    const [old, own] = [1, 2].map((seed) => createDetector(teacher, { seed }));
    const forward = named(...Array.from({ length: teacher.classes }, (_, i) => `class ${i}`));
    const categories = [...forward].reverse();
    const before = new Map([...old.parameters.read()].map(([name, { data }]) => [name, Float32Array.from(data)]));
    assert.equal(startFrom(own, categories, { detector: old, categories: forward }).length, teacher.classes);
    const turned: string[] = [];
    for (const [name, { data }] of own.parameters.read()) {
      const sorted = (values: Float32Array): Float32Array => Float32Array.from(values).sort();
      assert.deepEqual(sorted(data), sorted(before.get(name)!), name);
      if (data.some((value, i) => value !== before.get(name)![i])) turned.push(name);
    }
    assert.ok(turned.length > 0 && turned.every((name) => /cls|fc_reg/.test(name)), turned.join());
    assert.equal(startFrom(own, forward, { detector: own, categories }).length, teacher.classes);
    for (const [name, { data }] of own.parameters.read()) assert.deepEqual(data, before.get(name), name);
    [old, own].forEach((detector) => detector.dispose());
  });

test('two-stage heads: the background stays last, and the sides of a box stay together', () => {
  const { teacher } = smallDetectors('faster-rcnn');
  const [old, own] = [{ ...teacher, classes: 3 }, { ...teacher, classes: 2 }].map((config) => createDetector(config));
  const last = (detector: typeof old, name: string): Float32Array =>
    detector.parameters.get(`roi_head.bbox_head.${name}.bias`).value.dataSync() as Float32Array;
  const fill = (name: string, values: number[]): [string, { shape: number[]; data: Float32Array }] =>
    [`roi_head.bbox_head.${name}.bias`, { shape: [values.length], data: Float32Array.from(values) }];
  const sides = Array.from({ length: 12 }, (_, i) => i);
  old.parameters.load(new Map([fill('fc_cls', [10, 11, 12, 99]), fill('fc_reg', sides)]), { strict: false });
  startFrom(own, named('c', 'new'), { detector: old, categories: named('a', 'b', 'c') });
  assert.deepEqual([...last(own, 'fc_cls')], [12, 0, 99]);
  assert.deepEqual([...last(own, 'fc_reg')], [8, 9, 10, 11, 0, 0, 0, 0]);
  [old, own].forEach((detector) => detector.dispose());
});

test('another network is refused, by the parameter that differs, and nothing is changed', () => {
  const [old, own] = [tinyStudent, tinyTeacher].map((config) => new RetinaNet(config, { seed: 3 }));
  const before = own.parameters.read();
  const categories = named('disc', 'square');
  assert.throws(
    () => startFrom(own, categories, { detector: old, categories }),
    /another network: its backbone\.conv1\.weight is \[3, 3, 3, 8\] there and \[3, 3, 3, 12\] here/,
  );
  assert.deepEqual(own.parameters.read(), before);
  [old, own].forEach((detector) => detector.dispose());
});

const tuned = ({ frequency, tuning }: Experiment['prompt']['paper']) => ({
  frequency,
  tuning: { ...tuning, steps: 2 },
});
const experiment: Experiment = {
  ...emojiScenes,
  name: 'tiny',
  size: { width: 64, height: 64 },
  teacher: { ...emojiScenes.teacher, model: tinyTeacher, steps: 4, batch: 4 },
  student: { ...emojiScenes.student, model: tinyStudent, steps: 2, batch: 2 },
  prompt: { ...emojiScenes.prompt, paper: tuned(emojiScenes.prompt.paper) },
};

test('a session says what its teacher starts from, and another start is another teacher', async () => {
  const [folder, out] = [await writePictures(), temporary()];
  const write = async (name: string, model: typeof tinyTeacher, seed: number, ...names: string[]): Promise<string> => {
    const [file, detector] = [join(out, `${name}.safetensors`), new RetinaNet(model, { seed })];
    await writeDetector(file, { detector, size: { width: 64, height: 64 }, categories: named(...names) });
    detector.dispose();
    return file;
  };
  const started = await write('started', { ...tinyTeacher, classes: 3 }, 11, 'disc', 'cat', 'dog');
  const other = await write('other', tinyTeacher, 12, 'cat', 'dog');
  const wide = await write('wide', tinyModel(16), 13, 'disc', 'square');
  const said: string[] = [];
  const take = async (start: string | undefined, place = 'teacher', resume = true): Promise<void> => {
    const session = new Session({
      experiment: { ...experiment, teacher: { ...experiment.teacher, ...(start && { start }) } as never },
      splits: openSplits(folder), out, root: out, teacherFile: join(out, place), trainTeacher: false, resume,
      goOn: 'run it again', progress: () => ({ update: () => undefined, stop: () => undefined }),
      say: (line) => void said.push(line),
    });
    await session.teacher().finally(() => session.close());
  };
  await take('started.safetensors');
  assert.match(
    said.join('\n'),
    /^teacher: starts from started\.safetensors; of its categories disc known from there, 1 new to it$/m,
  );
  assert.equal((readCard(join(out, 'teacher.json')).config as { start: string }).start, await sha256(started));
  said.length = 0;
  await take('started.safetensors');
  assert.ok(said.every((line) => !/trained now|starts from/.test(line)), 'the same start: found again');
  await assert.rejects(take('other.safetensors'), /teacher\.json is another teacher's: start/);
  await assert.rejects(take(undefined), /teacher\.json is another teacher's: start/);
  await take('other.safetensors', 'teacher', false);
  assert.match(said.join('\n'), /trained now, that of .* is another one: start/);
  assert.match(said.join('\n'), /starts from other\.safetensors; of its categories 2 new to it/);
  assert.equal((readCard(join(out, 'teacher.json')).config as { start: string }).start, await sha256(other));
  await assert.rejects(
    take('wide.safetensors', 'third'),
    new RegExp(`--start: ${wide.split('/').pop()} does not fit: it is another network: .*; --start random begins`),
  );
  await assert.rejects(take('gone.safetensors', 'third'), /the checkpoint gone\.safetensors is not there/);
});

test('published detectors are known by name, with their networks, and begin with the rows of COCO', async () => {
  assert.ok(startNames().includes('retinanet-r50-2x'));
  assert.ok(!startNames().includes('resnet50-imagenet'), 'a backbone is no detector');
  assert.equal(modelOfStart('retinanet-r50-2x', 7)?.classes, 7);
  assert.equal(modelOfStart('photos.safetensors', 7), undefined);
  const seeded = 'seeded-retinanet-r50'; // the same names and shapes
  const own = createDetector(modelOfStart(seeded, 3)!, { seed: 1 });
  const whole = createDetector(modelOfStart(seeded, 80)!);
  await importWeights(whole.parameters, await checkpointFile(seeded, ''), { names: 'mmdet-retinanet' });
  const said = await beginWith(seeded, own, named('owl', 'dog', 'hen'), '/nowhere');
  assert.match(said, /^starts from .*; of its categories dog known from there, 2 new to it$/);
  const rows = (detector: typeof own, classes: number, row: number): unknown => tf.tidy(() =>
    detector.parameters.get('bbox_head.retina_cls.weight').value.reshape([-1, classes]).gather([row], 1).arraySync());
  assert.deepEqual(rows(own, 3, 1), rows(whole, 80, cocoCategoryNames.indexOf('dog')));
  [own, whole].forEach((detector) => detector.dispose());
});
