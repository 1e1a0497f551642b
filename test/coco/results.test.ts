/** Results files: the same detections come back, and a broken file is named. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { evaluateBoxes } from '../../lib/dist/coco/evaluation';
import { loadResults, saveResults } from '../../lib/dist/coco/results';
import { problem } from './evaluation-problem';

const folder = mkdtempSync(join(tmpdir(), 'results-'));
const path = join(folder, 'results.json');
after(() => rmSync(folder, { recursive: true }));

test('saved detections load and evaluate to the last bit', async () => {
  const { truth, detections } = problem(4);
  const exact = detections.map((detection, i) => ({ ...detection, score: Math.fround(1 / (i + 3)) }));
  await saveResults(path, exact);
  const loaded = await loadResults(path);
  assert.deepEqual(loaded, exact);
  assert.deepEqual(evaluateBoxes(truth, loaded).stats, evaluateBoxes(truth, exact).stats);
  assert.deepEqual(readdirSync(folder), ['results.json']);
});

test('no detections and many', async () => {
  await saveResults(path, []);
  assert.deepEqual(await loadResults(path), []);
  const many = Array.from({ length: 25_000 }, (_, i) => ({
    image_id: i,
    category_id: 1,
    bbox: [i, 0.1, 2, 3] as [number, number, number, number],
    score: 0.25,
  }));
  await saveResults(path, many);
  assert.deepEqual(await loadResults(path), many);
});

test('other fields are dropped, bad rows and files are named', async () => {
  const good = { image_id: 1, category_id: 2, bbox: [1, 2, 3, 4], score: 0.5 };
  writeFileSync(path, JSON.stringify([{ ...good, id: 7, area: 12 }]));
  assert.deepEqual(await loadResults(path), [good]);
  const refused = async (content: string, message: RegExp) => {
    writeFileSync(path, content);
    await assert.rejects(
      loadResults(path),
      (error: Error) => error.message.startsWith(path) && message.test(error.message),
    );
  };
  await refused('[{', /is not valid JSON: the file ends too early at line 1/);
  await refused('[{"image_id": 1, "score": NaN}]', /unexpected "NaN/);
  await refused('{"images": []}', /is this the ground truth/);
  await refused('[null]', /detection 0: null/);
  writeFileSync(path, JSON.stringify([{ ...good, image_id: '1', category_id: '2.0' }]));
  assert.deepEqual(await loadResults(path), [good]);
  for (const id of ['01', 'a', '1.5', 1.5, 2 ** 53, '9007199254740993', null, true, [1]])
    await refused(JSON.stringify([good, { ...good, image_id: id }]), /detection 1: image_id is .*; an integer/);
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  await refused(deep, /the value at byte 1 is nested more than 500 deep/);
  await refused(`[{"image_id": 1, "bbox": ${deep}}]`, /nested more than 500 deep/);
  await refused('['.repeat(200_000), /nested more than 500 deep/);
  await refused(`[{"image_id": "${'9'.repeat(1e6)}"}]`, /image_id is "9{79} \.\.\.; an integer is expected$/);
  await refused('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1e999], "score": 1}]', /bbox is/);
  await refused(JSON.stringify([{ ...good, bbox: [1, 2, 3] }]), /bbox is \[1,2,3\]/);
  await refused(JSON.stringify([{ ...good, score: null }]), /score is null/);
  await assert.rejects(loadResults(join(folder, 'absent.json')), /absent\.json/);
  await assert.rejects(loadResults(folder), /it is no regular file/);
});

test('a bad detection is refused and the old file stays', async () => {
  await saveResults(path, []);
  const before = readFileSync(path, 'utf8');
  await assert.rejects(
    saveResults(path, [{ image_id: 1, category_id: 1, bbox: [0, 0, 1, NaN], score: 1 }]),
    /detection 0: bbox/,
  );
  assert.equal(readFileSync(path, 'utf8'), before);
  assert.deepEqual(readdirSync(folder), ['results.json']);
});
