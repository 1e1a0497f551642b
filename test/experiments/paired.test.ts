import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pairedBySeed, summarisePairs } from 'freekd';
import { result } from '../view/fixture';

test('differences are taken on equal seeds, in any metric; a seed that one side lacks is left out', () => {
  const runs = [result('freekd', 3, 36), result('freekd', 1, 33), result('freekd', 2, 31)];
  const against = [result('mse', 1, 30), result('mse', 2, 32), result('mse', 4, 9)];
  assert.deepEqual(pairedBySeed(runs, against), [{ seed: 1, difference: 3 }, { seed: 2, difference: -1 }]);
  assert.deepEqual(pairedBySeed(runs, against, 'AP50'), pairedBySeed(runs, against));
});

test('the interval is that of Student: 1, 2, 3, 4 have a 95 % margin of 2.0543 (scipy.stats.t.interval)', () => {
  const summary = summarisePairs([1, 2, 3, 4].map((difference, seed) => ({ seed, difference })));
  assert.ok(Math.abs(summary.margin - 2.0543) < 2e-3, `${summary.margin}`);
  assert.deepEqual([summary.mean, summary.seeds, summary.ahead], [2.5, 4, 4]);
  const many = summarisePairs(Array.from({ length: 30 }, (_, seed) => ({ seed, difference: seed % 2 ? 1 : -1 })));
  assert.ok(
    many.margin / many.deviation > 2.0452 / Math.sqrt(30) && many.ahead === 15,
    'beyond the table: too wide rather than too narrow',
  );
});

test('one seed has a difference and no interval', () => {
  const { mean, deviation, margin } = summarisePairs([{ seed: 1, difference: 0.5 }]);
  assert.deepEqual([mean, deviation, margin], [0.5, NaN, NaN]);
});
