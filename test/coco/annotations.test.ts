/** Annotation files that are long: read in pieces, in little memory, and kept for the next time. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { cacheKey, readCache, writeCache, type Checked } from '../../lib/dist/coco/annotation-cache';
import { readLists } from '../../lib/dist/coco/json-lists';
import { readInstances } from '../../lib/dist/coco/validate';
import { writeLargeAnnotations } from './large-annotations';

const folder = mkdtempSync(join(tmpdir(), 'freekd-annotations-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'instances_x.json');
const cache = join(folder, '.instances_x.json.freekd-cache');

function lists(text: string): Record<string, unknown[]> {
  writeFileSync(path, text);
  const found: Record<string, unknown[]> = {};
  readLists(path, (key) => {
    const rows: unknown[] = (found[key] = []);
    return (row) => rows.push(row);
  });
  return found;
}

test('rows of every kind, and rows that lie across the pieces in which the file is read', () => {
  const rows = [
    1,
    -2.5e3,
    'a "quoted\\" [text]',
    'ünïcode 😀',
    null,
    true,
    [],
    [[1, 2], ['}']],
    {},
    { a: { b: [{}] } },
  ];
  const many = Array.from({ length: 120_000 }, (_, i) => ({ id: i, name: `näme \\" ${'x'.repeat(i % 97)}` }));
  const content = { none: [], other: { list: [1] }, long: 'é'.repeat(5_000_000), rows, many };
  for (const text of [JSON.stringify(content), JSON.stringify(content, null, 1)]) {
    assert.ok(text.length > 14e6);
    const found = lists(text);
    assert.deepEqual(Object.keys(found), ['none', 'rows', 'many']);
    assert.deepEqual(found.none, []);
    assert.deepEqual(found.rows, rows);
    assert.deepEqual(found.many, many);
  }
  assert.deepEqual(lists(' [1, {"a": []}] '), {}, 'no object, no lists');
});

test('a fault is found in its line and column, in whichever piece it is', () => {
  const good =
    '{"info": 1,\n"rows": ' +
    `[\n${Array.from({ length: 60_000 }, (_, i) => `{"id": ${i}, "name": "ä ${'x'.repeat(80)}"}`).join(',\n')}\n]}\n`;
  assert.equal(lists(good).rows.length, 60_000);
  const cases: [what: string, text: string, found: RegExp][] = [
    [
      'a bracket left out',
      good.replace('"id": 59998, ', '"id": [59998, '),
      /unexpected ": \\"ä x+" at line 60001, column 22 /,
    ],
    [
      'two commas',
      good.replace('{"id": 59990,', ',{"id": 59990,'),
      /unexpected ",\{\\"id\\": 59990, .*" at line 59993, column 1 /,
    ],
    [
      'no comma',
      good.replace(',\n{"id": 59990,', '\n{"id": 59990,'),
      /unexpected "\{\\"id\\": 59990, .*" at line 59993, column 1 /,
    ],
    ['words after the end', `${good} x`, /unexpected "x" at line 60004, column 2 /],
    [
      'a file that ends too early',
      good.slice(0, -4),
      /the file ends too early at line 60002, column \d+ \(character \d+ of \d+\)/,
    ],
    ['a text that never ends', good.replace('"ä x', '"ä \n'), /unexpected "\\"ä \\n/],
    ['no name before a value', '{"a": 1, 2}', /unexpected "2\}" at line 1, column 10 \(character 9 of 11\)/],
    ['nothing', '', /the file ends too early at line 1, column 1 \(character 0 of 0\)/],
  ];
  for (const [what, text, found] of cases) assert.throws(() => lists(text), found, what);
  assert.throws(() => readLists(join(folder, 'no.json'), () => () => {}), /Cannot read .*no\.json/);
});

test('30 MB are read with a heap in which parsing them whole dies', () => {
  const { images, annotations } = writeLargeAnnotations(path, 30);
  assert.ok(statSync(path).size > 28e6);
  const run = (script: string): { stdout: string; status: number | null } =>
    spawnSync(process.execPath, ['--max-old-space-size=45', '-e', script, path], { encoding: 'utf8' });
  const { stdout, status } = run(
    'const { instances } = ' +
      `require(${JSON.stringify(join(__dirname, '../../lib/dist/coco/validate.js'))}).readInstances(process.argv[1]); console.log(instances.images.length, instances.annotations.length)`,
  );
  assert.equal(status, 0);
  assert.equal(stdout.trim(), `${images} ${annotations}`);
  assert.notEqual(
    run(`const kept = JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8')); console.log(kept.images.length)`)
      .status,
    0,
    'the limit is one',
  );
  rmSync(cache, { force: true });
});

/** What a large file with two problems, a crowd and an ignored object is read as, and its text. */
function large(): { text: string; read: () => Checked } {
  writeLargeAnnotations(path, 9);
  const text = readFileSync(path, 'utf8')
    .replace('"bbox": [', '"bbox": [-50, ')
    .replace('"category_id": 2,', '"category_id": 99,')
    .replace('"iscrowd": 0,"image_id": 9,', '"iscrowd": true, "ignore": 1, "image_id": 9,');
  writeFileSync(path, text);
  rmSync(cache, { force: true });
  return { text, read: () => readInstances(path) };
}

test('the second reading is that of the cache, equal in rows, problems and counts', () => {
  const { read } = large();
  const first = read();
  assert.equal(first.problems.length, 2);
  assert.equal(first.oddities.ignored, 1);
  assert.equal(first.instances.annotations.filter(({ iscrowd, ignore }) => iscrowd && ignore).length, 1);
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('.')), ['.instances_x.json.freekd-cache']);
  assert.deepEqual(read(), first);

  const { images } = first.instances;
  const others = [{ ...images[0], width: 7 }, ...images.slice(1)];
  const marked = { ...first, instances: { ...first.instances, images: others } };
  writeCache(path, cacheKey(path)!, marked);
  assert.deepEqual(read(), marked, 'it is read');

  const other = join(folder, 'moved.json');
  renameSync(path, other);
  renameSync(cache, join(folder, '.moved.json.freekd-cache'));
  assert.ok(
    readInstances(other).problems.every(
      ({ file, message }) => file === other && message.startsWith(`${other}: annotation `),
    ),
  );
  renameSync(other, path);
});

test('a file with other content is read anew, whatever its size and date', () => {
  const { text, read } = large();
  const [{ file_name: name }] = read().instances.images;
  const { atime, mtime } = statSync(path);
  writeFileSync(path, text.replace(name, '888888888888.jpg'));
  utimesSync(path, atime, mtime);
  assert.equal(statSync(path).size, Buffer.byteLength(text));
  assert.equal(read().instances.images[0].file_name, '888888888888.jpg');
});

test('a cache that is damaged or odd is as good as none', () => {
  const { read } = large();
  const first = read();
  const good = readFileSync(cache);
  const content = deserialize(good.subarray(32)) as Record<string, Record<string, unknown>>;
  const sealed = (value: unknown): Buffer => {
    const bytes = serialize(value);
    return Buffer.concat([createHash('sha256').update(bytes).digest(), bytes]);
  };
  const images = { ...content.images, file_name: ['a.jpg'] };
  const annotations = (change: object): Buffer =>
    sealed({ ...content, annotations: { ...content.annotations, ...change } });
  const { length } = first.instances.annotations;
  const flipped = Buffer.from(good);
  flipped[Math.floor(good.length / 2)] ^= 1;
  const damaged: Record<string, Buffer> = {
    'one bit': flipped,
    empty: Buffer.alloc(0),
    'no seal': good.subarray(32),
    'cut off': good.subarray(0, good.length - 9),
    null: sealed(null),
    'another layout': sealed({ key: content.key }),
    'another file': sealed({ ...content, key: '2 abc' }),
    'a column too short': sealed({ ...content, images }),
    'boxes that are no numbers': annotations({ bbox: new Float64Array(4 * length).fill(NaN) }),
    'flags of another type': annotations({ iscrowd: content.annotations.area }),
    'a flag of 2': annotations({ ignore: new Uint8Array(length).fill(2) }),
    'no counts': sealed({ ...content, oddities: {} }),
    'problems of no kind': sealed({ ...content, problems: [{ kind: 'x', id: 1, message: '' }] }),
  };
  for (const [what, bytes] of Object.entries(damaged)) {
    writeFileSync(cache, bytes);
    assert.equal(readCache(path, cacheKey(path)!), undefined, what);
  }
  assert.deepEqual(read(), first);
  assert.deepEqual(readFileSync(cache), good, 'and is written again');
});

test('small files leave no cache', () => {
  writeFileSync(path, '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}');
  rmSync(cache, { force: true });
  readInstances(path);
  assert.ok(!existsSync(cache));
});
