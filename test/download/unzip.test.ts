/** Zips are unpacked whole and inside their folder, or not at all. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { crc32 } from '../../lib/dist/download/crc32';
import { unzip } from '../../lib/dist/download/unzip';
import { makeZip, type ZipMember } from './zip';

const root = mkdtempSync(join(tmpdir(), 'freekd-unzip-'));
after(() => rmSync(root, { recursive: true }));
let count = 0;
function pack(members: ZipMember[] | Buffer): { zip: string; folder: string } {
  const zip = join(root, `${++count}.zip`);
  writeFileSync(zip, Array.isArray(members) ? makeZip(members) : members);
  return { zip, folder: join(root, `out${count}`, 'here') };
}
const text = (name: string, content: string, more: Partial<ZipMember> = {}): ZipMember => ({
  name,
  data: Buffer.from(content),
  ...more,
});
const long = 'many words '.repeat(20_000);

test("the CRC is the one of the format's description", () => {
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
  assert.equal(crc32(Buffer.from('6789'), crc32(Buffer.from('12345'))), 0xcbf43926);
});

test('stored and compressed files come out as they went in, those that are asked for', async () => {
  const { zip, folder } = pack([
    text('a/', ''),
    text('a/one.txt', 'one'),
    text('a/two.txt', long, { deflate: true }),
    text('b/three.txt', 'three'),
  ]);
  const files = await unzip(zip, folder, { select: (name) => name.startsWith('a/') });
  assert.deepEqual(files.map(({ name, bytes }) => [name, bytes]), [['a/one.txt', 3], ['a/two.txt', long.length]]);
  assert.equal(readFileSync(join(folder, 'a/two.txt'), 'utf8'), long);
  assert.deepEqual(readdirSync(folder), ['a']);
});

test('what is there in full length is kept, what is short or asked for is written again', async () => {
  const { zip, folder } = pack([text('a.txt', 'aaa'), text('b.txt', 'bbb'), text('c.txt', 'ccc')]);
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of [
    ['a.txt', 'xxx'],
    ['b.txt', 'b'],
    ['c.txt', 'xxx'],
  ])
    writeFileSync(join(folder, name), content);
  await unzip(zip, folder, { replace: new Set(['c.txt']) });
  assert.deepEqual(
    ['a.txt', 'b.txt', 'c.txt'].map((name) => readFileSync(join(folder, name), 'utf8')),
    ['xxx', 'bbb', 'ccc'],
  );
});

const refused: [string, ZipMember[], RegExp][] = [
  [
    'a path that leaves the folder',
    [text('good.txt', 'x'), text('../evil.txt', 'x')],
    /\.zip is not unpacked: .*\.\.\/evil\.txt/,
  ],
  ['one that does so by a detour', [text('a/../../evil.txt', 'x')], /not unpacked: .*a\/\.\.\/\.\.\/evil/],
  ['an absolute path', [text('/tmp/evil.txt', 'x')], /not unpacked: .*absolute/],
  ['a backslash', [text('..\\evil.txt', 'x')], /not unpacked: .*\\/],
  ['a link', [text('link', '/etc/passwd', { mode: 0o120777 })], /not unpacked: link is a link/],
  ['a name that occurs twice', [text('a', 'x'), text('a', 'y')], /not unpacked: a occurs twice/],
];
for (const [what, members, message] of refused)
  test(`${what} is refused before anything is written`, async () => {
    const { zip, folder } = pack(members);
    await assert.rejects(unzip(zip, folder), message);
    assert.ok(!existsSync(join(folder, '..')) || readdirSync(join(folder, '..')).length === 0);
  });

test('a wrong CRC leaves no file of that name; those before it stay', async () => {
  const { zip, folder } = pack([text('good.txt', 'good'), text('bad.txt', long, { deflate: true, crc: 1 })]);
  await assert.rejects(
    unzip(zip, folder),
    /\.zip: its entry bad\.txt is damaged \(its CRC is [0-9a-f]+ in place of 1\)/,
  );
  assert.deepEqual(readdirSync(folder), ['good.txt']);
});

test('a zip that is cut off or whose bytes are damaged is named', async () => {
  const whole = makeZip([text('a.txt', long, { deflate: true })]);
  const { zip, folder } = pack(whole.subarray(0, -30));
  await assert.rejects(unzip(zip, folder), /\.zip is no zip that can be read/);
  const damaged = Buffer.from(whole);
  damaged.fill(0xff, 60, 90);
  const second = pack(damaged);
  await assert.rejects(unzip(second.zip, second.folder), /its entry a\.txt is damaged/);
  assert.deepEqual(readdirSync(second.folder), []);
});

test('it stops between two files, and goes on there', async () => {
  const { zip, folder } = pack([text('a.txt', 'aaa'), text('b.txt', 'bbb')]);
  const stop = new AbortController();
  await assert.rejects(
    unzip(zip, folder, {
      signal: stop.signal,
      progress: () => ({ update: () => stop.abort(), stop() {} }),
      select: (name) => (name === 'a.txt' ? true : (stop.abort(), true)),
    }),
    { name: 'AbortError' },
  );
  await unzip(zip, folder);
  assert.equal(statSync(join(folder, 'b.txt')).size, 3);
});
