/** Ratios and rows of the benchmark's table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchRows, ratioOf } from './table';
import { works } from './works';

test('a ratio is that of the medians, its range that of the rounds', () => {
  assert.deepEqual(ratioOf([10, 30, 20], [10, 60, 40]), { median: 0.5, least: 0.5, most: 1 });
  assert.deepEqual(ratioOf([1, 3], [4, 4]), { median: 0.5, least: 0.25, most: 0.75 });
});

test('a row a reference, and one for memory where it has a target', () => {
  const ours = { name: 'ours', version: '1', milliseconds: [50, 60], peakBytes: 10 * 2 ** 20 };
  const reference = { name: 'theirs', version: '2', milliseconds: [100, 120], peakBytes: 40 * 2 ** 20, target: 1, memoryTarget: 0.25 };
  const [header, rows] = benchRows([{ work: 'w', title: 'a work', ours, references: [reference, { ...reference, memoryTarget: undefined }] }]);
  assert.deepEqual(rows[0], ['a work', 'theirs', '55.0 ms', '110 ms', '0.50 (0.50 to 0.50)', '≤ 1']);
  assert.deepEqual(rows[1], ['a work: peak memory', 'theirs', '10 MB', '40 MB', '0.25', '≤ 0.25']);
  assert.equal(rows.length, 3);
  for (const row of rows) assert.equal(row.length, header.length);
});

test('works have names of their own', () => {
  assert.equal(new Set(works.map(({ name }) => name)).size, works.length);
});
