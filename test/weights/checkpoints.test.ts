/** The catalogue of published checkpoints is whole and agrees with itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { publishedCheckpoint, publishedCheckpoints } from 'freekd';

const { sources } = JSON.parse(readFileSync(join(__dirname, '../../data/checkpoints.json'), 'utf8')) as {
  sources: Record<string, string>;
};

test(
  'every checkpoint has a name of its own, a source and a file of ' + 'its own; the hash is the one in its file name',
  () => {
    const all = publishedCheckpoints();
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    assert.equal(new Set(all.map((entry) => entry.file())).size, all.length);
    for (const { name, url, sha256Prefix, sha256, bytes, mebibytes, source, licence, file } of all) {
      assert.ok(source in sources && licence, name);
      assert.equal(new URL(url).protocol, 'https:', name);
      assert.equal(basename(file()), basename(url));
      assert.equal(sha256Prefix, /-([0-9a-f]{8})\.pth$/.exec(url)?.[1], name);
      if (sha256) assert.match(sha256, new RegExp(`^${sha256Prefix}[0-9a-f]{56}$`), name);
      if (bytes) assert.equal((bytes / 2 ** 20).toFixed(3), mebibytes!.toFixed(3), name);
    }
  },
);

test("torchvision's files are known by their whole SHA-256", () => {
  const whole = publishedCheckpoints().filter(({ sha256 }) => sha256);
  assert.deepEqual(
    whole.map(({ name }) => name),
    ['resnet50-imagenet', 'resnet101-imagenet', 'torchvision-retinanet-r50'],
  );
});

test('the expected APs are those of the paper', () => {
  assert.deepEqual(
    ['retinanet-r50-2x', 'retinanet-r101-2x', 'retinanet-x101-64x4d-1x'].map((name) => publishedCheckpoint(name).AP),
    [37.4, 38.9, 41],
  );
  assert.throws(() => publishedCheckpoint('x'), /no published checkpoint is called "x"; there are retinanet-r50-2x, /);
});
