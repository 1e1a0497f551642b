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
  symlinkSync,
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
  ['the folder itself', [text('.', 'x')], /not unpacked: \. is no path inside a folder/],
  ['the folder above it', [text('..', 'x')], /not unpacked: .*\.\./],
  ['a step on the spot', [text('a/./b', 'x')], /not unpacked: a\/\.\/b is no path/],
  ['an empty step', [text('a//b', 'x')], /not unpacked: a\/\/b is no path/],
  ['a folder that is listed as "."', [text('./', '')], /not unpacked: \. is no path/],
  ['a drive', [text('C:evil.txt', 'x')], /not unpacked: .*C:evil/],
  ['a zero in a name', [text('a\0.txt', 'x')], /not unpacked: a\\u0000\.txt is no path/],
  ['a name with the one it is unpacked under', [text('a', 'x'), text('a.part', 'y')], /a and a\.part cannot both/],
  ['a file and a folder of one name', [text('a', 'x'), text('a/b', 'y')], /not unpacked: a is a file and a folder/],
  ['the same, listed', [text('a/', ''), text('a', 'y')], /not unpacked: a is a file and a folder/],
  ['names that differ in case only', [text('a/B', 'x'), text('A/c', 'y')], /a and A are one file where upper and lower/],
  ['a name too long for a disk', [text('x'.repeat(251), 'x')], /the name x{100}\.\.\. is too long/],
  ['a path too long', [text('dir/'.repeat(1020) + 'x', 'x')], /is too long/],
];
for (const [what, members, message] of refused)
  test(`${what} is refused before anything is written`, async () => {
    const { zip, folder } = pack(members);
    const beside = `${folder}.part`;
    mkdirSync(beside, { recursive: true });
    writeFileSync(join(beside, 'kept'), '');
    await assert.rejects(unzip(zip, folder), message);
    assert.deepEqual(readdirSync(beside), ['kept'], 'what lies beside the folder is not touched');
    rmSync(beside, { recursive: true });
    assert.ok(!existsSync(join(folder, '..')) || readdirSync(join(folder, '..')).length === 0);
  });

test('a folder where a file should be is named, a link where a part should be is not followed', async () => {
  const { zip, folder } = pack([text('a.txt', 'aaa')]);
  mkdirSync(join(folder, 'a.txt'), { recursive: true });
  await assert.rejects(unzip(zip, folder), /\.zip: its entry a\.txt is a folder in .*move it away/);
  rmSync(join(folder, 'a.txt'), { recursive: true });
  const elsewhere = join(root, 'elsewhere');
  writeFileSync(elsewhere, 'kept');
  symlinkSync(elsewhere, join(folder, 'a.txt.part'));
  await unzip(zip, folder);
  assert.equal(readFileSync(elsewhere, 'utf8'), 'kept');
  assert.deepEqual(readdirSync(folder), ['a.txt']);
});

test('any changed byte of a zip is an error that names it, or harmless', async () => {
  const whole = makeZip([text('a/one.txt', 'one'), text('two.txt', long.slice(0, 500), { deflate: true })]);
  let state = 7;
  const below = (n: number): number => (state = (state * 48271) % 2147483647) % n;
  for (let i = 0; i < 300; i++) {
    const changed = Buffer.from(whole);
    changed[below(changed.length)] = below(256);
    const { zip, folder } = pack(i % 3 ? changed : changed.subarray(0, below(changed.length)));
    await unzip(zip, folder).catch((error: Error) => assert.ok(error.message.includes(zip), error.message));
  }
  // A locator of ZIP64 that points far beyond the file.
  const locator = Buffer.alloc(20, 0xff);
  locator.write('PK\x06\x07', 'latin1');
  const { zip, folder } = pack(Buffer.concat([whole.subarray(0, -22), locator, whole.subarray(-22)]));
  await assert.rejects(unzip(zip, folder), /\.zip is no zip that can be read: .* lie outside of its \d+ bytes/);
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
