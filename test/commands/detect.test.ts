/** `npm run detect` as a person calls it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { detectPicture, loadResults, readDetector } from 'freekd';
import { temporary, writePictures } from '../distill/tiny';

const root = join(__dirname, '../..');
const weights = join(root, 'data/teachers/emoji-scenes.safetensors');

function detect(folder: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, INIT_CWD: folder, TF_CPP_MIN_LOG_LEVEL: '2' };
  const command = join(root, 'lib/dist/commands/detect.js');
  return spawnSync(process.execPath, [command, ...words], { cwd: root, env, encoding: 'utf8' });
}

test('draws boxes, and writes COCO results that say what detectPicture finds', async () => {
  const folder = await writePictures({ train: 2, val: 1 });
  const mixed = join(folder, 'mixed');
  mkdirSync(join(mixed, 'deeper'), { recursive: true });
  copyFileSync(join(folder, 'train/1.png'), join(mixed, 'b.png'));
  copyFileSync(join(folder, 'train/2.png'), join(mixed, 'deeper/b.png'));
  writeFileSync(join(mixed, 'notes.txt'), 'no picture');
  const { status, stdout, stderr } = detect(folder, '--weights', weights, '--threshold', '0.1', 'mixed', 'val/1.png');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^3 pictures, \d+ objects of a score of 0\.1 or more drawn/);
  assert.match(stdout, /\d+\.\d pictures a second/);
  const out = join(folder, 'detections');
  assert.deepEqual(readdirSync(join(out, 'drawings')).sort(), ['1.png', 'b-2.png', 'b.png']);
  assert.equal((await sharp(join(out, 'drawings/b.png')).metadata()).width, 320);
  assert.ok((await sharp(join(out, 'sheet.png')).metadata()).width! > 900);

  const { images, categories } = JSON.parse(readFileSync(join(out, 'images.json'), 'utf8'));
  const files = [join('mixed', 'b.png'), join('mixed', 'deeper', 'b.png'), join('val', '1.png')];
  assert.deepEqual(
    images,
    files.map((file, i) => ({ id: i + 1, file_name: join('..', file), width: 64, height: 64 })),
  );
  assert.equal(categories.length, 12);
  const results = await loadResults(join(out, 'results.json'));
  const stored = await readDetector(weights);
  for (const [i, file] of files.entries())
    assert.deepEqual(
      results.filter(({ image_id }) => image_id === i + 1),
      (await detectPicture(stored, join(folder, file))).map(({ category_id, bbox, score }) => ({
        image_id: i + 1,
        category_id,
        bbox,
        score,
      })),
    );
  stored.detector.dispose();
});

test('what cannot be done is said in one sentence', () => {
  const folder = temporary();
  writeFileSync(join(folder, 'broken.png'), '\x89PNG\r\n\x1a\n and nothing more', 'latin1');
  mkdirSync(join(folder, 'empty'));
  const cases: [string[], RegExp][] = [
    [['broken.png'], /required option '--weights <file>' not specified/],
    [['--weights', weights], /missing required argument 'pictures'/],
    [['--weights', weights, 'nowhere'], /there is no picture or folder .*nowhere/],
    [['--weights', weights, 'empty'], /empty: no picture is there/],
    [['--weights', 'none.safetensors', 'broken.png'], /none\.safetensors/],
    [['--weights', weights, 'broken.png'], /broken\.png cannot be read as a picture .*--skip-bad/],
    [['--weights', weights, '--skip-bad', 'broken.png'], /none of the pictures could be read/],
    [['--weights', weights, '--threshold', '2', 'broken.png'], /expected a number from 0 to 1/],
  ];
  for (const [words, expected] of cases) {
    const { status, stderr } = detect(folder, ...words);
    assert.notEqual(status, 0, words.join(' '));
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});
