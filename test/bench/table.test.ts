/** Ratios and rows of the benchmark's table. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toSvg } from 'freekd';
import { benchChart } from './chart';
import { aloneRows, benchRows, ratioOf } from './table';
import type { BenchResults } from './results';
import { works } from './works';

test('a ratio is that of the medians, its range that of the rounds', () => {
  assert.deepEqual(ratioOf([10, 30, 20], [10, 60, 40]), { median: 0.5, least: 0.5, most: 1 });
  assert.deepEqual(ratioOf([1, 3], [4, 4]), { median: 0.5, least: 0.25, most: 0.75 });
});

test('a row a reference, and one for memory where it has a target', () => {
  const ours = { name: 'ours', version: '1', milliseconds: [50, 60], peakBytes: 10 * 2 ** 20 };
  const reference = {
    name: 'theirs',
    version: '2',
    milliseconds: [100, 120],
    peakBytes: 40 * 2 ** 20,
    target: 1,
    memoryTarget: 0.25,
  };
  const [header, rows] = benchRows([
    { work: 'w', title: 'a work', ours, references: [reference, { ...reference, memoryTarget: undefined }] },
  ]);
  assert.deepEqual(rows[0], ['a work', 'theirs', '55.0 ms', '110 ms', '0.50 (0.50 to 0.50)', '≤ 1']);
  assert.deepEqual(rows[1], ['a work: peak memory', 'theirs', '10 MB', '40 MB', '0.25', '≤ 0.25']);
  assert.equal(rows.length, 3);
  for (const row of rows) assert.equal(row.length, header.length);
});

test('works have names of their own, their references too, and side.py knows the task of each', () => {
  assert.equal(new Set(works.map(({ name }) => name)).size, works.length);
  const side = readFileSync(join(__dirname, 'python/side.py'), 'utf8');
  for (const { name, references } of works) {
    assert.equal(new Set(references.map((reference) => reference.name)).size, references.length, name);
    for (const { task } of references) assert.ok(side.includes(`"${task}": "`), task);
  }
});

test('a thousand steps are summed up after the warm-up; what was not measured has no row', () => {
  const steps = Array.from({ length: 400 }, (_, i) => i + 1);
  const steadiness = {
    steps,
    tensors: steps.map((step) => (step < 100 ? 5 : 7)),
    residentBytes: steps.map((step) => (step === 300 ? 3 : 2) * 2 ** 20),
  };
  const known = { ...({} as NonNullable<BenchResults['setUp']>) };
  const [, rows] = aloneRows({
    steadiness: { ...known, ...steadiness },
    setUp: { ...known, setUpSeconds: 100, smokeSeconds: 50 },
  });
  assert.deepEqual(rows.map(([, measured]) => measured), ['7, 7, 7', '2 MB, 2 MB, 3 MB', '100 s + 50 s = 2.5 min']);
  assert.deepEqual(aloneRows({})[1], []);
  const input = {
    ...known,
    batch: 2,
    blockedMilliseconds: 200,
    runs: [{ workers: 2, imagesPerSecond: 30, cpuMillisecondsPerImage: 40, waits: [1, 3, 2] }],
  };
  assert.deepEqual(
    aloneRows({ input })[1].map((row) => row.slice(1)),
    [
      ['30.0 images/s, 40 ms of processor each', '≥ 10.0 images/s'],
      ['2.00 ms, 3.00 ms', '-'],
    ],
  );
});

test('the chart draws each comparison without a warning', async () => {
  const ours = { name: 'ours', version: '1', milliseconds: [50, 60], peakBytes: 0 };
  const reference = { name: 'theirs', version: '2', milliseconds: [100, 120], peakBytes: 0, target: 1 };
  const warnings: string[] = [];
  const svg = await toSvg(benchChart([{ work: 'w', title: 'a work', ours, references: [reference] }]), (message) =>
    warnings.push(message),
  );
  assert.deepEqual(warnings, []);
  assert.match(svg, /a work \/ theirs/);
  assert.match(svg, />0\.50</);
});
