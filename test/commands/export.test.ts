/** `npm run export` as a person calls it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as ort from 'onnxruntime-node';
import { detectPicture, readDetector, readSafetensors, writeDetector } from 'freekd';
import { decodePicture } from '../../lib/dist/distill/detect-picture';
import { createDetector } from '../../lib/dist/detection/families';
import { temporary, tinyStudent, writePictures } from '../distill/tiny';
import { runSmall, smallParameters } from '../train/small-run';

const root = join(__dirname, '../..');
const teacher = join(root, 'data/teachers/emoji-scenes.safetensors');

function run(folder: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, INIT_CWD: folder, TF_CPP_MIN_LOG_LEVEL: '2' };
  const command = join(root, 'lib/dist/commands/export.js');
  return spawnSync(process.execPath, [command, ...words], { cwd: root, env, encoding: 'utf8' });
}

test('weights and module for Python', async () => {
  const folder = temporary();
  for (const [to, file] of [['safetensors', 'emoji-scenes.safetensors'], ['torch', 'emoji-scenes.pt']]) {
    const { status, stdout, stderr } = run(folder, '--weights', teacher, '--to', to, '--out', to);
    assert.equal(status, 0, stderr);
    assert.deepEqual(readdirSync(join(folder, to)).sort(), [file, 'small_retinanet.py']);
    assert.ok(stdout.includes(`small_retinanet.load('${file}').detect(picture)`), stdout);
  }
  const again = ['--weights', teacher, '--to', 'torch', '--out', 'torch'];
  assert.match(run(folder, ...again).stderr, /emoji-scenes\.pt is there already: .*--out, or replace it with --force/);
  assert.equal(run(folder, ...again, '--force').status, 0);
  writeFileSync(join(folder, 'small_retinanet.py'), 'mine = 1\n');
  const refused = run(folder, '--weights', teacher, '--to', 'safetensors', '--out', '.');
  assert.match(refused.stderr, /small_retinanet\.py is there already/);
  assert.deepEqual(readdirSync(folder).sort(), ['safetensors', 'small_retinanet.py', 'torch']);
  const tensors = await readSafetensors(join(folder, 'safetensors/emoji-scenes.safetensors'));
  assert.deepEqual(tensors.get('backbone.conv1.weight')!.shape, [32, 3, 3, 3]);
});

test('a checkpoint of a run is no detector, and the error says how to come to one', async () => {
  const folder = temporary();
  await runSmall(smallParameters(), folder);
  const file = readdirSync(join(folder, 'checkpoints')).find((name) => name.endsWith('.safetensors'))!;
  const { status, stderr } = run(join(folder, 'checkpoints'), '--weights', file, '--to', 'onnx');
  assert.notEqual(status, 0);
  assert.match(stderr, /is a checkpoint of a run at step \d+, .* --resume ends the run, and writes the detector/);
});

test('a graph finds on a picture what the detector finds', async () => {
  const folder = await writePictures({ train: 1, val: 1 });
  const own = join(folder, 'own.safetensors');
  copyFileSync(teacher, own);
  copyFileSync(teacher.replace('.safetensors', '.json'), own.replace('.safetensors', '.json'));
  const { status, stdout, stderr } = run(folder, '--weights', 'own.safetensors', '--to', 'onnx', '--size', '64x64');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /input: picture, uint8 \[1, 64, 64, 3\], R G B; outputs: boxes, scores, labels/);
  const picture = await decodePicture(join(folder, 'val/1.png'));
  const stored = await readDetector(teacher);
  const found = await detectPicture({ ...stored, size: { width: 64, height: 64 } }, picture);
  assert.ok(found.length > 0);
  const session = await ort.InferenceSession.create(readFileSync(join(folder, 'exported/own.onnx')));
  const outputs = await session.run({ picture: new ort.Tensor('uint8', picture.data, [1, 64, 64, 3]) });
  const [boxes, scores] = [outputs.boxes, outputs.scores].map(({ data }) => data as Float32Array);
  assert.deepEqual(
    Array.from(outputs.labels.data as BigInt64Array, (label) => stored.categories[Number(label)].name),
    found.map(({ name }) => name),
  );
  for (const [i, { score, bbox: [x, y, width, height] }] of found.entries())
    for (const [k, expected] of [x, y, x + width, y + height, score].entries()) {
      const value = k < 4 ? boxes[4 * i + k] : scores[i];
      assert.ok(Math.abs(value - expected) <= 1e-4, `object ${i}: ${value}, not ${expected}`);
    }
  await session.release();
  stored.detector.dispose();
});

test('what cannot be exported is said in one sentence, and nothing is written', async () => {
  const folder = temporary();
  const categories = [{ id: 3, name: 'disc' }, { id: 7, name: 'square' }];
  const free = createDetector(tinyStudent);
  await writeDetector(join(folder, 'free.safetensors'), {
    detector: free,
    size: { longSide: 90, shortSide: 70 },
    categories,
  });
  const cases: [string[], RegExp][] = [
    [['--to', 'onnx'], /required option '--weights <file>' not specified/],
    [['--weights', teacher], /required option '--to <format>' not specified/],
    [['--weights', teacher, '--to', 'tflite'], /Allowed choices are safetensors, torch, onnx/],
    [['--weights', teacher, '--to', 'onnx', '--nms', 'none'], /Allowed choices are inside, beside/],
    [['--weights', teacher, '--to', 'onnx', '--size', '64'], /expected WIDTHxHEIGHT in pixels from 8 to 8192/],
    [['--weights', teacher, '--to', 'onnx', '--size', '64x9000'], /expected WIDTHxHEIGHT/],
    [['--weights', teacher, '--to', 'torch', '--nms', 'beside'], /--size and --nms are for --to onnx/],
    [['--weights', 'none.safetensors', '--to', 'onnx'], /^\s*error: there is no file none\.safetensors$/m],
    [['--weights', 'free.safetensors', '--to', 'onnx'], /within 90 x 70 pixels, .* choose it with --size/],
    [['--weights', 'free.safetensors', '--to', 'safetensors', '--out', '.'], /would replace the weights: .*--out/],
  ];
  for (const [words, expected] of cases) {
    const { status, stderr } = run(folder, ...words);
    assert.notEqual(status, 0, words.join(' '));
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
  assert.ok(!existsSync(join(folder, 'exported')) || readdirSync(join(folder, 'exported')).length === 0);
  free.dispose();
});
