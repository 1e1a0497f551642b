/**
 * COCO's layout from zips of a server on this machine: fetched once, repaired where damaged, and
 * copies from elsewhere looked at.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { cocoArchives, type CocoArchive } from '../../lib/dist/coco/archives';
import { downloadCoco } from '../../lib/dist/coco/download';
import { verifyCoco } from '../../lib/dist/coco/verify';
import { openCoco, publishedCheckpoint } from 'freekd';
import sharp from 'sharp';
import { startServer, type TestServer } from '../download/server';
import { makeZip } from '../download/zip';

const root = mkdtempSync(join(tmpdir(), 'freekd-coco-'));
const folder = join(root, 'coco');
let server: TestServer;
let archives: CocoArchive[];

before(async () => {
  server = await startServer();
  const names = ['000000000001.jpg', '000000000002.jpg'];
  const pictures = await Promise.all(
    names.map(async (name, i) => ({
      name: `val2017/${name}`,
      data: await sharp({ create: { width: 20, height: 10 + i, channels: 3, background: 'red' } })
        .jpeg()
        .toBuffer(),
    })),
  );
  const instances = {
    images: names.map((file_name, i) => ({ id: i + 1, file_name, width: 20, height: 10 + i })),
    annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [1, 1, 5, 5], area: 25, iscrowd: 0 }],
    categories: [{ id: 1, name: 'thing' }],
  };
  const json = Buffer.from(JSON.stringify(instances));
  const zips = {
    'annotations/annotations_trainval2017.zip': makeZip(
      ['instances_train2017', 'instances_val2017', 'captions_val2017'].map((name) => ({
        name: `annotations/${name}.json`,
        data: json,
        deflate: true,
      })),
    ),
    'zips/val2017.zip': makeZip([{ name: 'val2017/', data: Buffer.alloc(0) }, ...pictures]),
  };
  for (const [path, content] of Object.entries(zips)) server.files.set(`/${path}`, { content });
  archives = Object.entries(zips).map(([path, content]) => {
    const official = cocoArchives.find((archive) => archive.path === path)!;
    return { ...official, bytes: content.length, md5: createHash('md5').update(content).digest('hex'), files: 2 };
  });
});
after(async () => {
  await server.close();
  rmSync(root, { recursive: true });
});

const run = async (to = folder): Promise<string[]> => {
  const lines: string[] = [];
  await downloadCoco({ folder: to, archives, address: server.address, say: (line) => lines.push(line), wait: 1 });
  return lines;
};
const verify = async (to = folder): Promise<string[]> => verifyCoco({ folder: to, archives });

test(
  'what is fetched opens as a data set; the zips are gone, and a ' + 'second call asks the server for nothing',
  async () => {
    await run();
    assert.deepEqual(readdirSync(folder).sort(), ['.freekd', 'annotations', 'val2017']);
    assert.deepEqual(readdirSync(join(folder, 'annotations')).sort(), [
      'instances_train2017.json',
      'instances_val2017.json',
    ]);
    assert.equal(openCoco(folder, 'val2017').images.length, 2);
    const { length } = server.requests;
    assert.deepEqual(await run(), ['annotations: 2 files are there', 'val2017: 2 pictures are there']);
    assert.equal(server.requests.length, length);
    assert.deepEqual(await verify(), []);
  },
);

test('a damaged, a shortened and a missing picture are found, and fetched again', async () => {
  const picture = (n: number): string => join(folder, `val2017/00000000000${n}.jpg`);
  const [first, second] = [readFileSync(picture(1)), readFileSync(picture(2))];
  writeFileSync(picture(1), Buffer.from(first).fill(0, 100, 110));
  writeFileSync(picture(2), second.subarray(0, -3));
  assert.deepEqual(
    (await verify()).map((line) => line.replace(/\d{12}|\b\d{3}\b/g, 'N')),
    ['val2017/N.jpg has other bytes than in the zip (CRC)', 'val2017/N.jpg has N bytes in place of N'],
  );
  await run();
  assert.ok(readFileSync(picture(1)).equals(first) && readFileSync(picture(2)).equals(second));
  assert.deepEqual(await verify(), []);
  rmSync(picture(2));
  assert.deepEqual(await verify(), ['val2017/000000000002.jpg is missing']);
  await run();
  assert.deepEqual(await verify(), []);
});

test('a copy from elsewhere is used as it is, and verified by its annotation file', async () => {
  rmSync(join(folder, '.freekd'), { recursive: true });
  const { length } = server.requests;
  assert.match((await run()).join(), /2 pictures are there, not unpacked by this command; --verify looks at each/);
  assert.equal(server.requests.length, length);
  assert.deepEqual(await verify(), []);
  writeFileSync(join(folder, 'val2017/000000000001.jpg'), 'no picture');
  const [line, ...others] = await verify();
  assert.match(line, /000000000001\.jpg \(image 1\) cannot be decoded/);
  assert.deepEqual(others, []);
});

test('a zip that holds less than it should is an error that names it, and leaves no record', async () => {
  const less = join(root, 'less');
  await assert.rejects(
    downloadCoco({ folder: less, archives: [{ ...archives[1], files: 5000 }], address: server.address }),
    /val2017\.zip holds 2 files of val2017\/ in place of 5000/,
  );
  assert.ok(!existsSync(join(less, '.freekd')));
});

const command = async (...words: string[]): Promise<{ stdout: string; stderr: string; code?: number }> =>
  promisify(execFile)(process.execPath, [join(__dirname, '../../lib/dist/commands/data.js'), ...words]).catch(
    (error: unknown) => error as { stdout: string; stderr: string; code: number },
  );

test('the command lists, helps, and names what the server has in place of COCO', async () => {
  const [list, help, wrong, unknown] = await Promise.all([
    command('weights', '--list'),
    command('coco', '--help'),
    command('coco', '--only', 'val2017', '--to', join(root, 'cli'), '--mirror', server.address),
    command('weights', 'resnet'),
  ]);
  assert.match(list.stdout, /retinanet-r101-2x +AP 38\.9/);
  assert.match(help.stdout, /--only <part>[\s\S]*"train2017", "val2017"|--only <part>[\s\S]*"annotations"/);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /annotations_trainval2017\.zip has \d+ bytes there, but should have 252907541/);
  assert.match(unknown.stderr, /no published checkpoint is called "resnet"; there are retinanet-r50-2x/);
});

test('weights that are not what their name says are removed; those of no known hash are kept', async () => {
  const [known, unknown] = ['retinanet-r50-2x', 'freekd-prompt-r101'].map((name) => ({
    name,
    file: publishedCheckpoint(name).url.split('/').pop()!,
  }));
  for (const { file } of [known, unknown]) server.files.set(`/w/${file}`, { content: Buffer.from('weights') });
  const [bad, good] = await Promise.all(
    [known, unknown].map(({ name }) =>
      command('weights', name, '--to', join(root, 'w'), '--mirror', `${server.address}/w/`),
    ),
  );
  assert.match(bad.stderr, /has the sha256 [0-9a-f]{8} in place of fdb43119/);
  assert.match(good.stdout, /No checksum of it is published/);
  assert.deepEqual(readdirSync(join(root, 'w')), [unknown.file]);
});
