/** Student's t, the bootstrap and Holm's correction against SciPy and NumPy (test/golden/paired.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { summarisePairs } from 'freekd';
import { bootstrapInterval, holm, quantileT, withinT } from '../../lib/dist/runs/inference';

const golden = JSON.parse(readFileSync(join(__dirname, '../golden/paired.json'), 'utf8')) as {
  quantiles: Record<string, number[]>;
  tails: Record<string, number[]>;
  differences: Record<string, { values: number[]; p: number; student: [number, number]; bootstrap: [number, number] }>;
  holm: { p: number[]; adjusted: number[] }[];
};

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${what}: ${actual}, ${expected}`);
}

test("Student's t is SciPy's, inside and outside", () => {
  for (const [freedom, expected] of Object.entries(golden.quantiles))
    [0.8, 0.95, 0.999].forEach((inside, i) =>
      near(quantileT(inside, Number(freedom)), expected[i], 1e-9, `${inside} within, ${freedom}`));
  for (const [freedom, expected] of Object.entries(golden.tails))
    [0, 0.7, 2.5, 11].forEach((t, i) => near(1 - withinT(t, Number(freedom)), expected[i], 1e-13, `${t}, ${freedom}`));
});

for (const [name, { values, p, student, bootstrap }] of Object.entries(golden.differences))
  test(`p value and intervals of ${name} are SciPy's`, () => {
    const summary = summarisePairs(values.map((difference, seed) => ({ seed, difference })));
    near(summary.p, p, 1e-12, 'p');
    near(summary.mean - summary.margin, student[0], 1e-10, 'low');
    near(summary.mean + summary.margin, student[1], 1e-10, 'high');
    const drawn = values.length > 6; // by both sides
    bootstrapInterval(values).forEach((end, i) => near(end, bootstrap[i], drawn ? 0.02 : 1e-12, 'bootstrap'));
  });

test('one value has no interval, and differences that are all 0 no reason to be no chance', () => {
  assert.deepEqual(bootstrapInterval([0.5]), [NaN, NaN]);
  assert.ok(Number.isNaN(summarisePairs([{ seed: 1, difference: 0.5 }]).p));
  const { p, margin } = summarisePairs([1, 2, 3].map((seed) => ({ seed, difference: 0 })));
  assert.deepEqual([p, margin], [1, 0]);
});

test("Holm's adjusted p values", () => {
  for (const { p, adjusted } of golden.holm) holm(p).forEach((value, i) => near(value, adjusted[i], 1e-15, `${p}`));
  assert.deepEqual(holm([]), []);
});
