/** Sets of other formats, written here, become sets in COCO's layout. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { openCoco } from 'freekd';
import { importFolder, type ImportOptions } from '../../lib/dist/coco/import';
import { drawSplit } from '../../lib/dist/coco/import/draw-split';
import type { DropKind } from '../../lib/dist/coco/import/labelled';
import { openSplits } from '../../lib/dist/experiments/data';
import { temporary } from '../distill/tiny';

const root = join(__dirname, '../..');
const [WIDTH, HEIGHT] = [80, 60];
const pixels = sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: '#385' } }).png().toBuffer();

const broken = pixels.then((bytes) => bytes.subarray(0, 60));

type Files = Record<string, string | Buffer | Promise<Buffer>>;

/** A new folder with these files. */
async function folderOf(files: Files): Promise<string> {
  const folder = temporary();
  for (const [file, content] of Object.entries(files)) {
    fs.mkdirSync(dirname(join(folder, file)), { recursive: true });
    fs.writeFileSync(join(folder, file), await content);
  }
  return folder;
}

interface Box {
  name: string;
  bbox: [number, number, number, number];
}

/** Ten pictures; the last shows nothing, the first four are of val. */
const set = Array.from({ length: 10 }, (_, i) => ({
  stem: `p${i}`,
  split: i < 4 ? 'valid' : 'train',
  boxes: (i === 9
    ? []
    : [
        { name: 'owl', bbox: [i, 2.5, 30.25, 20] },
        ...(i % 2 ? [{ name: 'cat & co', bbox: [40, 30 + i, 40, 12.75] }] : []),
      ]) as Box[],
}));

const escaped = (text: string): string => text.replace('&', '&amp;');
const vocXml = (boxes: Box[], filename = 'x.png', beside = ''): string =>
  `<annotation><filename>${filename}</filename><size><width>${WIDTH}</width><height>${HEIGHT}</height></size>${boxes
    .map(({ name, bbox: [x, y, w, h] }) => {
      const corners = `<xmin>${x + 1}</xmin><ymin>${y + 1}</ymin><xmax>${x + w + 1}</xmax><ymax>${y + h + 1}</ymax>`;
      return `<object><name>${escaped(name)}</name>${beside}<bndbox>${corners}</bndbox></object>`;
    })
    .join('')}</annotation>`;
const yoloText = (boxes: Box[]): string =>
  boxes
    .map(({ name, bbox: [x, y, w, h] }) =>
      [
        Number(name === 'cat & co'),
        ...[(x + w / 2) / WIDTH, (y + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT].map((part) => part.toFixed(6)),
      ].join(' '),
    )
    .join('\n');
function cocoJson(pictures: typeof set, folder = ''): string {
  const names = ['things', 'owl', 'cat & co'];
  return JSON.stringify({
    images: pictures.map(({ stem }, i) => ({ id: i, file_name: `${folder}${stem}.png`, width: WIDTH, height: HEIGHT })),
    annotations: pictures.flatMap(({ boxes }, i) =>
      boxes.map(({ name, bbox }, n) => ({
        id: 10 * i + n,
        image_id: i,
        category_id: names.indexOf(name),
        bbox,
        iscrowd: 0,
      })),
    ),
    categories: names.map((name, id) => ({ id, name, supercategory: id ? 'things' : 'none' })),
  });
}

const pictures = (place: (picture: (typeof set)[number]) => string): Files =>
  Object.fromEntries(set.map((picture) => [`${place(picture)}${picture.stem}.png`, pixels]));
const texts = (of: (picture: (typeof set)[number]) => [string, string]): Files => Object.fromEntries(set.map(of));

/** The set as tools export it, with a val split. */
const layouts: Record<string, Files> = {
  'VOC beside the pictures': {
    ...pictures(({ split }) => `${split}/`),
    ...texts(({ split, stem, boxes }) => [`${split}/${stem}.xml`, vocXml(boxes)]),
  },
  'VOC as in VOCdevkit': {
    ...pictures(() => 'VOCdevkit/VOC2007/JPEGImages/'),
    ...texts(({ stem, boxes }) => [`VOCdevkit/VOC2007/Annotations/${stem}.xml`, vocXml(boxes)]),
    'VOCdevkit/VOC2007/ImageSets/Main/train.txt': 'p4\np5\np6\np7\np8\np9\n',
    'VOCdevkit/VOC2007/ImageSets/Main/val.txt': 'p0\r\np1\r\np2\r\np3\r\n',
    'VOCdevkit/VOC2007/ImageSets/Main/owl_train.txt': 'p4 1\n',
  },
  "YOLO, Roboflow's": {
    ...pictures(({ split }) => `${split}/images/`),
    ...texts(({ split, stem, boxes }) => [`${split}/labels/${stem}.txt`, yoloText(boxes)]),
    'data.yaml': 'train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\nnames: [owl, cat & co]\n',
    'README.dataset.txt': 'Owls and cats',
  },
  "YOLO, Ultralytics' lists": {
    ...pictures(() => 'images/'),
    ...texts(({ stem, boxes }) => [`labels/${stem}.txt`, yoloText(boxes)]),
    'owls.yaml': 'path: /content/owls\ntrain: train.txt\nval: [lists/val.txt]\nnames:\n  0: owl\n  1: cat & co\n',
    'train.txt': 'p4 p5 p6 p7 p8 p9'.split(' ').map((stem) => `./images/${stem}.png`).join('\n'),
    'lists/val.txt': 'p0 p1 p2 p3'.split(' ').map((stem) => `/content/owls/images/${stem}.png`).join('\n'),
  },
  "COCO, Roboflow's": {
    ...pictures(({ split }) => `${split}/`),
    'train/_annotations.coco.json': cocoJson(set.slice(4)),
    'valid/_annotations.coco.json': cocoJson(set.slice(0, 4)),
  },
  "COCO's own": {
    ...pictures(({ split }) => (split === 'train' ? 'train2017/' : 'val2017/')),
    'annotations/instances_train2017.json': cocoJson(set.slice(4)),
    'annotations/instances_val2017.json': cocoJson(set.slice(0, 4)),
  },
};
/** The set without a val split. */
const unsplit: Record<string, Files> = {
  VOC: {
    ...pictures(() => 'images/'),
    ...texts(({ stem, boxes }) => [`annotations/xmls/${stem}.xml`, vocXml(boxes)]),
  },
  "YOLO, Label Studio's": {
    ...pictures(() => 'images/'),
    ...texts(({ stem, boxes }) => [`labels/${stem}.txt`, yoloText(boxes)]),
    'classes.txt': 'owl\ncat & co\n',
    'notes.json': '{"categories": []}',
  },
  "COCO, Label Studio's": { ...pictures(() => 'images/'), 'result.json': cocoJson(set, 'images\\') },
};

const filesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    ['train', 'val'].map((split) => [
      split,
      fs.readFileSync(join(folder, `annotations/instances_${split}.json`), 'utf8'),
    ]),
  );

const importInto = (folder: string, options: Partial<ImportOptions> = {}) =>
  importFolder(folder, { to: join(temporary(), 'set'), ...options });

for (const [title, made] of Object.entries({ 'with a val split': layouts, 'without one': unsplit }))
  test(`a set ${title} gives the same files in any format`, async () => {
    const results = new Map<string, Record<string, string>>();
    for (const [layout, files] of Object.entries(made)) {
      const to = join(temporary(), 'deep/set');
      const { splits, categories, drawn } = await importInto(await folderOf(files), { to, val: 0.4 });
      assert.deepEqual(categories, ['cat & co', 'owl'], layout);
      assert.equal(drawn !== undefined, made === unsplit, layout);
      assert.deepEqual([splits.train?.pictures, splits.val?.pictures], [6, 4], layout);
      results.set(layout, filesOf(to));
      openSplits(to);
    }
    const [first, ...others] = results;
    for (const [layout, files] of others) assert.deepEqual(files, first[1], `${layout}, ${first[0]}`);
    if (made === layouts) {
      const { images, annotations } = JSON.parse(first[1].train);
      assert.deepEqual(images[0], { id: 5, file_name: 'p4.png', width: WIDTH, height: HEIGHT });
      const p5 = annotations.filter(({ image_id }: { image_id: number }) => image_id === 6);
      assert.deepEqual(p5, [
        { id: 8, image_id: 6, category_id: 2, bbox: [5, 2.5, 30.25, 20], area: 605, iscrowd: 0 },
        { id: 9, image_id: 6, category_id: 1, bbox: [40, 35, 40, 12.75], area: 510, iscrowd: 0 },
      ]);
      assert.equal(images.length, 6, 'a picture without objects is kept');
    }
  });

test('val is drawn by the names and the seed, and pictures of one photograph stay together', () => {
  const names = Array.from({ length: 100 }, (_, i) => `${i}.jpg`);
  const held = drawSplit(names, 0.2, 1);
  assert.equal(held.size, 20);
  assert.deepEqual(drawSplit([...names].reverse(), 0.2, 1), held);
  assert.notDeepEqual(drawSplit(names, 0.2, 2), held);
  const kept = [...drawSplit(names.slice(0, 99), 0.2, 1)].filter((name) => held.has(name));
  assert.ok(kept.length >= 19, 'a picture less moves one other at most');
  const augmented = names.flatMap((name) =>
    ['a', 'b', 'c'].map((digit) => name.replace('.jpg', `_jpg.rf.${digit.repeat(32)}.jpg`)),
  );
  const drawn = drawSplit(augmented, 0.2, 1);
  assert.equal(drawn.size, 60);
  for (const name of drawn) assert.ok(drawn.has(name.replace(/rf\..{32}/, `rf.${'b'.repeat(32)}`)), name);
  assert.equal(drawSplit(['a.jpg', 'b.jpg'], 0.01, 1).size, 1);
  assert.equal(drawSplit(['a.jpg', 'b.jpg'], 0.99, 1).size, 1);
});

test('pictures are links to the others, or copies; of equal names both are kept', async () => {
  const xml = vocXml([{ name: 'owl', bbox: [1, 1, 9, 9] }]);
  const folder = await folderOf({ 'a/1.png': pixels, 'a/1.xml': xml, 'b/1.png': pixels, 'b/1.xml': xml });
  for (const copy of [false, true]) {
    const to = join(temporary(), 'set');
    await importInto(folder, { to, copy });
    const names = ['train', 'val'].flatMap((split) => fs.readdirSync(join(to, split))).sort();
    assert.deepEqual(names, ['a-1.png', 'b-1.png']);
    const [val] = fs.readdirSync(join(to, 'val'));
    const { ino } = fs.statSync(join(folder, val.replace('-', '/')));
    assert.equal(fs.statSync(join(to, 'val', val)).ino === ino, !copy);
  }
});

const one: Box = { name: 'owl', bbox: [1, 1, 9, 9] };
const good = { 'ok.png': pixels, 'ok.xml': vocXml([one]), 'too.png': pixels, 'too.xml': vocXml([one]) };
const voc = (files: Files): Files => ({ ...good, ...files });
const yolo = (files: Files): Files => ({
  'images/ok.png': pixels,
  'labels/ok.txt': '0 0.5 0.5 0.1 0.1',
  'images/too.png': pixels,
  'labels/too.txt': '0 .5 .5 .1 .1',
  'images/three.png': pixels,
  'labels/three.txt': '0 .5 .5 .1 .1',
  'classes.txt': 'owl\n',
  ...files,
});
const coco = (change: (json: { images: object[]; annotations: object[] }) => void, files: Files = {}): Files => {
  const json = JSON.parse(cocoJson(set));
  change(json);
  return { ...pictures(() => ''), 'labels.json': JSON.stringify(json), ...files };
};
const bad = (xml: string): Files => voc({ 'bad.png': pixels, 'bad.xml': xml });
const line = (text: string): Files => yolo({ 'images/bad.png': pixels, 'labels/bad.txt': text });

/** What is left out, with its file and what is said of it. */
const faults: [Files, DropKind, RegExp, RegExp][] = [
  [bad('<annotation><object>'), 'broken-annotations', /^bad\.xml$/, /^it is no XML/],
  [bad('<html></html>'), 'broken-annotations', /^bad\.xml$/, /no element "annotation"/],
  [
    bad(vocXml([one]).replace('<xmax>11</xmax>', '')),
    'broken-annotations',
    /./,
    /"object\[0\]\.bndbox\.xmax" is missing/,
  ],
  [bad(vocXml([one]).replace('>11<', '>ten<')), 'broken-annotations', /./, /bndbox\.xmax" is "ten", expected a number/],
  [bad(vocXml([one]).replace('<name>owl</name>', '')), 'broken-annotations', /./, /"object\[0\]\.name" is missing/],
  [bad('<annotation><object><name>owl</name></object></annotation>'), 'broken-annotations', /./, /bndbox" is missing/],
  [bad('<annotation><object>owl</object></annotation>'), 'broken-annotations', /./, /"object\[0\]" is "owl"/],
  [bad(vocXml([one]).replace(`>${WIDTH}<`, '>90<')), 'picture-size', /./, /"size" says 90x60, bad\.png is 80x60/],
  [bad(vocXml([{ name: 'owl', bbox: [5, 5, 0, 9] }])), 'box-size', /^bad\.png$/, /\[5, 5, 0, 9\] of owl has no area/],
  [bad(vocXml([{ name: 'owl', bbox: [90, 5, 9, 9] }])), 'box-outside', /^bad\.png$/, /lies outside 80x60/],
  [
    voc({ 'alone.xml': vocXml([one], 'gone.png') }),
    'no-picture',
    /^alone\.xml$/,
    /nor the gone\.png of its "filename"/,
  ],
  [voc({ 'bare.png': pixels }), 'no-annotations', /^bare\.png$/, /no XML file/],
  [voc({ 'bad.png': broken }), 'broken-picture', /^bad\.png$/, /./],
  [line('1 0.5 0.5 0.1 0.1'), 'broken-annotations', /^labels\/bad\.txt$/, /^line 1: class "1" is none of 0 to 0/],
  [line('0 0.5 0.5 0.1'), 'broken-annotations', /./, /^line 1: 4 columns, expected class x y width height/],
  [line('\n0 0.5 0.5 0.1 0.1 0.9'), 'broken-annotations', /./, /^line 2: 6 columns/],
  [line('0 0.5 half 0.1 0.1'), 'broken-annotations', /./, /^line 1: .* has what is no number/],
  [line('0 40 30 10 10'), 'broken-annotations', /./, /^line 1: 40 is no part of a picture/],
  [yolo({ 'labels/gone.txt': '' }), 'no-picture', /^labels\/gone\.txt$/, /./],
  [yolo({ 'images/ok.jpg': pixels }), 'no-picture', /^labels\/ok\.txt$/, /could be of .*ok\.jpg and of .*ok\.png/],
  [yolo({ 'classes.txt': 'owl\nnewt' }), 'unused-category', /^newt$/, /./],
  [
    coco(({ images }) => delete (images[0] as { width?: number }).width),
    'broken-row',
    /^labels\.json$/,
    /"width" is missing/,
  ],
  [coco(({ images }) => Object.assign(images[0], { width: 81 })), 'picture-size', /^p0\.png$/, /says 81x60/],
  [coco(({ images }) => Object.assign(images[0], { file_name: 'q.png' })), 'no-picture', /^q\.png$/, /image 0/],
  [coco(({ images }) => Object.assign(images[0], { file_name: '../p0.png' })), 'broken-row', /./, /"file_name"/],
  [
    coco(({ annotations }) => Object.assign(annotations[0], { bbox: [1, 2, 3] })),
    'broken-row',
    /./,
    /"bbox" is \[1,2,3\]/,
  ],
  [coco(({ annotations }) => Object.assign(annotations[0], { bbox: [1, 2, 0, 3] })), 'box-size', /./, /no area/],
  [coco(() => undefined, { 'other.json': '{"images": [' }), 'broken-annotations', /^other\.json$/, /./],
  [coco(() => undefined, { 'extra.png': pixels }), 'no-annotations', /^extra\.png$/, /./],
];

test('what is left out is named with its file and field, and the rest is taken', async () => {
  for (const [files, kind, file, what] of faults) {
    const { dropped } = await importInto(await folderOf(files));
    const found = dropped.filter((one) => one.kind === kind);
    assert.equal(found.length, 1, `${kind} ${what}: ${JSON.stringify(dropped)}`);
    assert.match(found[0].file, file);
    assert.match(found[0].what, what);
  }
});

test('entities and document types of XML are refused, and no name reaches beyond its element', async () => {
  const bomb = `<!DOCTYPE a [<!ENTITY b "${'x'.repeat(99)}"><!ENTITY c "${'&b;'.repeat(99)}">]>${vocXml([one])}`;
  const file = `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>${vocXml([{ name: '&b;', bbox: [1, 1, 9, 9] }])}`;
  for (const xml of [bomb, file, bomb.replace('DOCTYPE', 'doctype'), `\ufeff${bomb}`]) {
    const { dropped, categories } = await importInto(await folderOf(bad(xml)));
    assert.match(dropped.find(({ file }) => file === 'bad.xml')!.what, /declares a document type or entities/);
    assert.deepEqual(categories, ['owl']);
  }
  const { dropped } = await importInto(await folderOf(bad('<__proto__><annotation>1</annotation></__proto__>')));
  assert.equal(dropped.filter(({ kind }) => kind === 'broken-annotations').length, 1);
  const deep = await folderOf(bad(`<annotation>${'<a>'.repeat(1e5)}${'</a>'.repeat(1e5)}</annotation>`));
  await importInto(deep);
  assert.equal(({} as { annotation?: unknown }).annotation, undefined);
});

test('outlines become boxes, "difficult" is not trained on, boxes are clipped', async () => {
  const outline = await folderOf(yolo({ 'labels/ok.txt': '0 0.1 0.2 0.5 0.2 0.5 0.6' }));
  const to = join(temporary(), 'set');
  await importInto(outline, { to });
  const boxes = ['train', 'val'].flatMap((split) => openCoco(to, split).instances.annotations.map(({ bbox }) => bbox));
  assert.deepEqual(boxes[0][0] === 8 ? boxes[0] : boxes[1], [8, 12, 32, 24]);
  const difficult = await folderOf(
    voc({
      'ok.xml': vocXml([{ name: 'owl', bbox: [70, 50, 20, 20] }], 'ok.png', '<difficult>1</difficult>'),
    }),
  );
  const target = join(temporary(), 'set');
  const { clipped } = await importInto(difficult, { to: target });
  assert.equal(clipped, 1);
  const all = ['train', 'val'].flatMap((split) => JSON.parse(filesOf(target)[split]).annotations);
  const [marked] = all.filter(({ ignore }: { ignore?: number }) => ignore === 1);
  assert.deepEqual(marked.bbox, [70, 50, 10, 10]);
});

test('what cannot be imported as a whole is refused in one sentence, and leaves nothing', async () => {
  const aliases = 'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdefg'[i]},`.repeat(9)}]`);
  const laughs = ['a: &a [x]', ...aliases, 'names: *h'].join('\n');
  const cases: [Files, RegExp, Partial<ImportOptions>?][] = [
    [{}, /no annotations are there/],
    [{ 'a.png': pixels }, /no annotations are there/],
    [{ ...good, 'ok.txt': '0 0.5 0.5 0.1 0.1' }, /as XML and as text: say which/],
    [{ 'a.png': pixels, 'a.xml': vocXml([one]) }, /of 1 pictures to train on none can be held out/],
    [{ 'val/a.png': pixels, 'val/a.xml': vocXml([one]) }, /all its pictures are of val or test/],
    [{ 'a.png': pixels, 'a.xml': vocXml([]) }, /no box is left to take/],
    [yolo({ 'classes.txt': '' }), /nothing says what the classes .* are called/],
    [yolo({ 'data.yaml': 'names: [owl\n' }), /data\.yaml is no YAML/],
    [yolo({ 'data.yaml': 'names: owl\n' }), /data\.yaml: names: must/],
    [yolo({ 'data.yaml': 'names: [owl]\ntrain: 7\n' }), /data\.yaml: train: must/],
    [yolo({ 'data.yaml': laughs }), /data\.yaml is no YAML \(Excessive alias count/],
    [{ 'a.png': pixels, 'a.json': '{"images": [' }, /a\.json/],
    [{ 'a.png': pixels, 'a.json': '{"images": []}' }, /a\.json: field "categories"/],
  ];
  for (const [files, expected, options] of cases) {
    const to = join(temporary(), 'set');
    await assert.rejects(importInto(await folderOf(files), { to, ...options }), expected);
    assert.deepEqual(fs.readdirSync(dirname(to)), []);
  }
  const to = await folderOf({ 'mine.txt': 'kept' });
  await assert.rejects(importInto(await folderOf(good), { to }), /is there and not empty/);
  await assert.rejects(importInto('/nowhere/at/all'), /there is no folder/);
  assert.deepEqual(fs.readdirSync(to), ['mine.txt']);
});

test('npm run data -- import says what it took and what it left out', async () => {
  const folder = await folderOf({ ...layouts["YOLO, Roboflow's"], 'train/labels/p5.txt': '7 0.5 0.5 0.1 0.1' });
  const call = (...words: string[]) =>
    spawnSync(process.execPath, [join(root, 'lib/dist/commands/data.js'), 'import', ...words], {
      cwd: root,
      env: { ...process.env, INIT_CWD: folder },
      encoding: 'utf8',
    });
  const { status, stdout, stderr } = call('.', '--to', 'owls');
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^left out, annotation files that cannot be read, with their pictures: 1\n {2}train\/labels\/p5\.txt/,
  );
  assert.match(stdout, /YOLO's text: val 4 pictures with 6 boxes, train 5 pictures with \d+ boxes \(val as it was\)/);
  assert.match(stdout, /npm run reproduce -- --data owls\n$/);
  const { dropped } = JSON.parse(fs.readFileSync(join(folder, 'owls/import.json'), 'utf8'));
  assert.equal(dropped.length, 1);
  const again = call('.', '--to', 'owls');
  assert.equal(again.status, 1);
  assert.match(again.stderr, /is there and not empty/);
  assert.doesNotMatch(again.stderr, /\n\s+at /);
  for (const words of [['--val', '1'], ['--val', ''], ['--seed', 'x'], ['--format', 'xml']])
    assert.match(call('.', '--to', 'other', ...words).stderr, /invalid/);
});
