/** Opening data sets: good ones, every kind of bad input named, and going on without it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { checkLeft, checkPictures, openCoco, splitsOf } from '../../lib/dist/coco/dataset';
import { jsonFault } from '../../lib/dist/coco/json';
import { DatasetError, type ProblemKind } from '../../lib/dist/coco/problems';
import { picture, writeFixture, type File } from './fixture';

test('opens a good data set', async () => {
  const folder = await writeFixture();
  mkdirSync(join(folder, 'val'));
  assert.deepEqual(splitsOf(folder), ['train']);
  assert.deepEqual(splitsOf(join(folder, 'train')), []);
  const dataset = openCoco(folder, 'train');
  assert.equal(dataset.images.length, 11);
  assert.deepEqual(dataset.categories, [{ id: 10, name: 'cell' }, { id: 20, name: 'dog' }]);
  assert.deepEqual(dataset.annotationsOf(3), []);
  assert.deepEqual(dataset.annotationsOf(4).map(({ id, iscrowd }) => [id, iscrowd]), [[204, 1]]);
  assert.deepEqual(dataset.annotationsOf(1).map(({ id }) => id), [101, 201]);
  assert.ok(Object.values(dataset.skipped).every((count) => count === 0));
  assert.equal(await checkPictures(dataset), dataset);
});

test('a missing split is named with those there are', async () => {
  const folder = await writeFixture();
  assert.throws(() => openCoco(folder, 'val2017'), /has no split "val2017": .*val2017 is missing\. It has train\./);
  assert.throws(() => openCoco(join(folder, 'train'), 'x'), /COCO's layout is/);
});

test('broken JSON is named with its place', async () => {
  const folder = await writeFixture();
  const path = join(folder, 'annotations', 'instances_train.json');
  const good = JSON.stringify(JSON.parse(readFileSync(path, 'utf8')), null, 1);
  const line = 1 + good.slice(0, good.indexOf('"file_name"')).split('\n').length - 1;
  writeFileSync(path, good.replace('"file_name"', 'file_name'));
  assert.throws(
    () => openCoco(folder, 'train'),
    new RegExp(`instances_train.json is not valid JSON: unexpected "file_name.* at line ${line}, column 4 `),
  );
  writeFileSync(path, good.slice(0, 500));
  assert.throws(
    () => openCoco(folder, 'train', { skipBad: true }),
    /instances_train\.json is not valid JSON: .* \(character \d+ of 500\)/,
  );
  writeFileSync(path, '[]');
  assert.throws(() => openCoco(folder, 'train', { skipBad: true }), /field "categories" should be a list/);
  writeFileSync(path, `\uFEFF${good}`);
  assert.equal(openCoco(folder, 'train').images.length, 11);
});

test('the first fault of a JSON text is found where it is', () => {
  const cases: [string, number][] = [
    ['{"a": [1, 2,, 3]}', 12],
    ['{"a": 1,}', 8],
    ['{"a" 1}', 5],
    ['[1, 2', 5],
    ['[01]', 2],
    ['{"a": NaN}', 6],
    ['[1] x', 4],
    ['', 0],
    ['["a\nb"]', 1],
    ['[tru]', 1],
  ];
  for (const [text, at] of cases) assert.equal(jsonFault(text), at, text);
  const good = ' {"a": [1.5e-3, -0, "x\\u00e9\\"", {}, []], "b": {"c": null, "d": true}} ';
  assert.equal(jsonFault(good), good.length);
});

const BAD_ROWS: [kind: ProblemKind, what: string, edit: (file: File) => void, message: RegExp, id: number | string][] =
  [
    [
      'missing-field',
      'a box left out',
      ({ annotations }) => delete annotations[0].bbox,
      /annotation 101: field "bbox" is missing, expected four numbers/,
      101,
    ],
    [
      'missing-field',
      'a box of three numbers',
      ({ annotations }) => (annotations[0].bbox = [1, 2, 3]),
      /annotation 101: field "bbox" is \[1,2,3\]/,
      101,
    ],
    [
      'missing-field',
      'a box of texts',
      ({ annotations }) => (annotations[0].bbox = ['1', 2, 3, 4]),
      /field "bbox" is \["1",2,3,4\]/,
      101,
    ],
    [
      'missing-field',
      'an area in words',
      ({ annotations }) => (annotations[0].area = 'big'),
      /annotation 101: field "area" is "big", expected a number/,
      101,
    ],
    [
      'missing-field',
      'an id that is no integer',
      ({ annotations }) => (annotations[0].id = 1.5),
      /annotation annotations\[0\]: field "id" is 1.5, expected an integer/,
      'annotations[0]',
    ],
    [
      'missing-field',
      'an id with a zero before it',
      ({ annotations }) => (annotations[0].image_id = '01'),
      /annotation 101: field "image_id" is "01", expected an integer/,
      101,
    ],
    [
      'missing-field',
      'an id beyond what a number holds',
      ({ annotations }) => (annotations[0].id = '9007199254740993'),
      /field "id" is "9007199254740993"/,
      'annotations[0]',
    ],
    [
      'missing-field',
      'an unknown word for ignore',
      ({ annotations }) => (annotations[0].ignore = 'maybe'),
      /field "ignore" is "maybe", expected 0 or 1/,
      101,
    ],
    [
      'missing-field',
      'a side of infinite length',
      ({ annotations }) => (annotations[0].bbox = [1, 2, 1e300, 4]),
      /field "bbox" is \[1,2,1e\+300,4\]/,
      101,
    ],
    [
      'duplicate-id',
      'one id as a number and as a text',
      ({ annotations }) => annotations.push({ ...annotations[0], id: '101' }),
      /annotation 101 occurs more than once \(as a text or with a decimal point it is the same id\)/,
      101,
    ],
    [
      'box-size',
      'a box without area in float32',
      ({ annotations }) => (annotations[0].bbox = [25.57, 2, 1e-7, 5]),
      /annotation 101 of 1.png: bbox \[25.57, 2, 1e-7, 5\] has no area in single precision/,
      101,
    ],
    [
      'missing-field',
      'a crowd flag of 2',
      ({ annotations }) => (annotations[0].iscrowd = 2),
      /field "iscrowd" is 2, expected 0 or 1/,
      101,
    ],
    [
      'missing-field',
      'an annotation without id',
      ({ annotations }) => delete annotations[0].id,
      /annotation annotations\[0\]: field "id" is missing/,
      'annotations[0]',
    ],
    [
      'missing-field',
      'a row that is null',
      ({ annotations }) => annotations.push(null as never),
      /annotations\[19\]: field "id" is missing/,
      'annotations[19]',
    ],
    [
      'missing-field',
      'a picture without width',
      ({ images }) => delete images[0].width,
      /image 1: field "width" is missing, expected a positive integer/,
      1,
    ],
    [
      'missing-field',
      'a picture outside the folder',
      ({ images }) => (images[0].file_name = '../1.png'),
      /field "file_name" is "..\/1.png"/,
      1,
    ],
    [
      'missing-field',
      'a category without name',
      ({ categories }) => categories.push({ id: 3 }),
      /category 3: field "name" is missing/,
      3,
    ],
    [
      'duplicate-id',
      'two annotations of one id',
      ({ annotations }) => annotations.push({ ...annotations[0] }),
      /annotation 101 occurs more than once/,
      101,
    ],
    [
      'duplicate-id',
      'two pictures of one id',
      ({ images }) => images.push({ ...images[0] }),
      /image 1 occurs more than once/,
      1,
    ],
    [
      'duplicate-id',
      'two categories of one id',
      ({ categories }) => categories.push({ id: 10, name: 'x' }),
      /category 10 occurs more than once/,
      10,
    ],
    [
      'unknown-image',
      'an unknown picture',
      ({ annotations }) => (annotations[0].image_id = 77),
      /annotation 101: image_id 77 is not among/,
      101,
    ],
    [
      'unknown-category',
      'an unknown category',
      ({ annotations }) => (annotations[0].category_id = 5),
      /annotation 101 of 1.png: category_id 5 is not among/,
      101,
    ],
    [
      'box-size',
      'a box without height',
      ({ annotations }) => (annotations[0].bbox = [1, 2, 3, 0]),
      /annotation 101 of 1.png: bbox \[1, 2, 3, 0\] has no area/,
      101,
    ],
    [
      'box-size',
      'a box of negative width',
      ({ annotations }) => (annotations[0].bbox = [9, 2, -3, 5]),
      /has no area/,
      101,
    ],
    [
      'box-outside',
      'a box beside the picture',
      ({ annotations }) => (annotations[0].bbox = [40, 2, 0.5, 5]),
      /lies outside the picture of 40x30; boxes are \[x, y, width, height\]/,
      101,
    ],
    [
      'box-outside',
      'a box above the picture',
      ({ annotations }) => (annotations[0].bbox = [4, -9, 5, 9]),
      /lies outside the picture/,
      101,
    ],
    [
      'missing-image',
      'a missing file',
      ({ images }) => (images[0].file_name = 'no.png'),
      /no\.png \(image 1\) is missing/,
      1,
    ],
  ];

for (const [kind, what, edit, message, id] of BAD_ROWS) {
  test(`${kind}: ${what}`, async () => {
    const folder = await writeFixture(edit);
    assert.throws(
      () => openCoco(folder, 'train'),
      (error: unknown) => {
        assert.ok(error instanceof DatasetError);
        assert.match(error.message, message);
        assert.match(error.message, /skipBad: true/);
        assert.deepEqual(error.problems.map((problem) => [problem.kind, problem.id]), [[kind, id]]);
        return existsSync(error.problems[0].file) || kind === 'missing-image';
      },
    );
    const dataset = openCoco(folder, 'train', { skipBad: true });
    assert.equal(dataset.skipped[kind], 1);
    assert.equal(dataset.problems.length, 1);
    const images = new Set(dataset.images.map((image) => image.id));
    assert.ok(dataset.instances.annotations.every(({ image_id }) => images.has(image_id)));
  });
}

test('a box up to one pixel outside is accepted as written, and iscrowd may be left out', async () => {
  const folder = await writeFixture(({ annotations }) => {
    annotations[0].bbox = [-0.6, -1, 41.5, 31.9];
    delete annotations[0].iscrowd;
  });
  const [annotation] = openCoco(folder, 'train').annotationsOf(1);
  assert.deepEqual(annotation.bbox, [-0.6, -1, 41.5, 31.9]);
  assert.equal(annotation.iscrowd, 0);
});

/** What `openCoco` says of a fixture with these changes, and its rows. */
async function opened(edit: (file: File) => void, change = (text: string): string => text) {
  const folder = await writeFixture(edit);
  const path = join(folder, 'annotations', 'instances_train.json');
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  const said: string[] = [];
  const dataset = openCoco(folder, 'train', { warn: (line) => said.push(line.replace(path, 'FILE')) });
  return { dataset, said };
}

test('forms of their own are understood, counted, and said once', async () => {
  const { said: nothing } = await opened(() => undefined);
  assert.deepEqual(nothing, []);
  const plain = (await opened(() => undefined)).dataset.instances;

  const flags = [false, true, '0', '1', 'false', 'true', null, 0.0];
  const { dataset, said } = await opened(({ annotations, images, categories }) => {
    flags.forEach((flag, i) => (annotations[i].iscrowd = flag));
    annotations.forEach((row) => (row.id = String(row.id)));
    images[0].id = '1';
    categories[0].id = '10.0';
    Object.assign(images[1], { width: String(images[1].width), height: `${images[1].height}.0` });
    Object.assign(annotations[3], { area: String(annotations[3].area) });
    Object.assign(annotations[4], { area: `${annotations[4].area}` });
  });
  assert.deepEqual(
    dataset.instances.annotations.map(({ iscrowd }) => iscrowd).slice(0, 8),
    [0, 1, 0, 1, 0, 1, 0, 0],
  );
  assert.deepEqual(dataset.images, plain.images);
  assert.deepEqual(dataset.categories, plain.categories);
  assert.deepEqual(dataset.annotationsOf(1).map(({ id }) => id), [101, 201]);
  assert.deepEqual(said, [
    'FILE: accepted: 25 numbers written as text or with a decimal point; ' +
      '7 flags that are neither 0 nor 1 but say so (false, "0")',
  ]);
  assert.equal(dataset.oddities['number-form'], 25);

  const decimal = await opened(() => undefined, (text) => text.replaceAll(/"image_id":(\d+)/g, '"image_id": $1.0'));
  assert.deepEqual(decimal.dataset.instances, plain);
  assert.deepEqual(decimal.said, ['FILE: accepted: 19 numbers written as text or with a decimal point']);
  await assert.rejects(opened(() => undefined, (text) => text.replace('"image_id":1,', '"image_id":1.5,')), /is 1.5/);
});

test('an area left out is that of the box', async () => {
  const { dataset, said } = await opened(({ annotations }) => {
    annotations.forEach((row) => delete row.area);
    annotations[0].area = null;
    annotations[0].bbox = [2, 3, 1.5, 8];
  });
  assert.deepEqual(dataset.annotationsOf(1).map(({ area }) => area), [12, 80]);
  assert.deepEqual(said, ['FILE: accepted: 19 annotations without area (width x height of the box is taken)']);
});

test('a box over the edge is kept as written, one that is not trained on too; both are counted', async () => {
  const boxes = [[30, 2, 12.5, 5], [-40, -2, 60, 8], [2, 3, 0.5, 8], [2, 3, 5, 5], [2, 3, 5, 5]];
  const { dataset, said } = await opened(({ annotations }) => {
    boxes.forEach((bbox, i) => (annotations[2 * i] = { ...annotations[0], id: 1000 + i, image_id: 11, bbox }));
    annotations[6].area = 0;
    annotations[8].ignore = true;
  });
  assert.deepEqual(dataset.annotationsOf(11).filter(({ id }) => id >= 1000).map(({ bbox }) => bbox), boxes);
  assert.deepEqual(dataset.annotationsOf(11).filter(({ ignore }) => ignore).map(({ id }) => id), [1004]);
  assert.deepEqual(said, [
    'FILE: accepted: 1 flag that is neither 0 nor 1 but says so (false, "0"); ' +
      '1 box over the edge of its picture (clipped in training, kept for evaluation); ' +
      '2 boxes of area 0 or of less than a pixel (left out of training, kept for evaluation); ' +
      '1 annotation marked "ignore" (left out of training, kept for evaluation)',
  ]);
});

test('no category is a sentence, also under skipBad', async () => {
  for (const edit of [
    (file: File) => void (file.categories = []),
    (file: File) => file.categories.forEach((row) => delete row.name),
  ]) {
    const folder = await writeFixture(edit);
    assert.throws(() => openCoco(folder, 'train', { skipBad: true }), /"categories" has no good row; list there the/);
  }
});

test('what skipBad leaves out is said on opening, by kind, with the first ids', async () => {
  const folder = await writeFixture(({ annotations, images }) => {
    annotations.slice(0, 7).forEach((row) => (row.bbox = [1, 2, 3, 0]));
    images[9].file_name = 'no.png';
  });
  const said: string[] = [];
  const dataset = openCoco(folder, 'train', { skipBad: true, warn: (line) => said.push(line.replace(folder, '')) });
  assert.deepEqual(said, [
    '/annotations/instances_train.json: left out, box-size: 7 (101, 201, 102, 202, 204, ...)',
    '/train/no.png: left out, missing-image: 1 (10)',
  ]);
  assert.equal(dataset.boxes, 19);
  assert.doesNotThrow(() => checkLeft(dataset));
});

test('a split of which less than half is left, or no object, is none', async () => {
  const bad = await writeFixture(({ annotations }) => {
    annotations.slice(0, 10).forEach((row) => (row.bbox = [1, 2, 3, 0]));
  });
  const skipping = { skipBad: true, warn: () => undefined };
  assert.throws(() => checkLeft(openCoco(bad, 'train', skipping)), /split train: 10 of its 19 boxes are bad or belong/);
  for (const edit of [
    ({ annotations }: File) => annotations.splice(0),
    ({ annotations }: File) => annotations.forEach((row) => (row.iscrowd = 1)),
    ({ annotations }: File) => annotations.forEach((row) => (row.ignore = 1)),
  ]) {
    const none = openCoco(await writeFixture(edit), 'train', skipping);
    assert.throws(() => checkLeft(none), /split train: no box is left to train on or to measure with, of \d+ in the/);
  }
});

test('a value nested without end is named, whole or cut off', async () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  for (const value of [deep, deep.slice(0, 200_000), '{"a":'.repeat(200_000)]) {
    const change = (text: string): string => text.replace('"bbox":[2,3,10,8]', `"bbox":${value}`);
    await assert.rejects(opened(() => undefined, change), /instances_train\.json: the value at byte \d+ is nested more/);
  }
  const pipe = await writeFixture();
  rmSync(join(pipe, 'annotations', 'instances_train.json'));
  execFileSync('mkfifo', [join(pipe, 'annotations', 'instances_train.json')]);
  assert.throws(() => openCoco(pipe, 'train'), /it is no regular file/);
});

test('many problems are counted, the first ten shown', async () => {
  const folder = await writeFixture(({ annotations }) => annotations.forEach((row) => (row.category_id = 1)));
  assert.throws(() => openCoco(folder, 'train'), /^DatasetError: 19 problems:\n(.*\n){10}\.\.\. and 9 more\.\n/);
});

test('bad pictures are found by decoding them', async () => {
  const folder = await writeFixture();
  const jpeg = readFileSync(join(folder, 'train', '5.jpg'));
  writeFileSync(join(folder, 'train', '5.jpg'), jpeg.subarray(0, jpeg.length - 40));
  writeFileSync(join(folder, 'train', '2.png'), 'no picture');
  writeFileSync(join(folder, 'train', '7.png'), await picture(7, 33, 18));
  writeFileSync(
    join(folder, 'train', '1.png'),
    await sharp(await picture(1, 40, 30))
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer(),
  );
  const strict = openCoco(folder, 'train');
  const lenient = openCoco(folder, 'train', { skipBad: true });
  rmSync(join(folder, 'train', '9.png'));
  await assert.rejects(checkPictures(strict), (error: unknown) => {
    assert.ok(error instanceof DatasetError);
    assert.deepEqual(
      error.problems.map(({ kind, id }) => [kind, id]),
      [['image-size', 1], ['bad-image', 2], ['bad-image', 5], ['image-size', 7], ['missing-image', 9]],
    );
    assert.match(
      error.message,
      /1\.png \(image 1\) is 30x40 \(EXIF orientation is applied, as OpenCV does\), but the annotation file says 40x30/,
    );
    assert.match(error.message, /5\.jpg \(image 5\) cannot be decoded \(.*premature end of JPEG/);
    assert.match(error.message, /7\.png \(image 7\) is 33x18, but the annotation file says 33x17/);
    return true;
  });
  const rest = await checkPictures(lenient);
  assert.deepEqual(rest.images.map(({ id }) => id), [3, 4, 6, 8, 10, 11]);
  assert.deepEqual([rest.skipped['image-size'], rest.skipped['bad-image'], rest.skipped['missing-image']], [2, 2, 1]);
  assert.deepEqual(rest.annotationsOf(1), []);
  assert.ok(rest.instances.annotations.every(({ image_id }) => ![1, 2, 5, 7, 9].includes(image_id)));
});
