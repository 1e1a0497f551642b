import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { intervalText, pairedBySeed, readResults, summariseDifference, summarisePairs, verdictOf } from 'freekd';
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

test('an interval that contains 0, its ends included, is called neither a gain nor a loss', () => {
  const readings = [[1.2, 1.1], [-1.2, 1.1], [1.1, 1.2], [-1.1, 1.2], [1, 1], [0, 0], [2, NaN]].map(([mean, margin]) =>
    verdictOf({ mean, margin }),
  );
  const open = 'could be chance';
  assert.deepEqual(readings, ['gain', 'loss', open, open, open, open, 'one seed']);
});

test('the recorded runs: FreeKD minus feature MSE, and the one interval at three seeds that is clear of 0', () => {
  const recorded = (name: string): string => {
    const runs = readResults(join(__dirname, '../../data/results', name)).filter(({ seed }) => seed <= 3);
    const { mean, margin } = summariseDifference(runs, 'freekd', 'mse')!;
    return `${mean.toFixed(2)} ${margin.toFixed(2)} ${verdictOf({ mean, margin })}`;
  };
  assert.deepEqual(
    ['emoji-scenes', ...['long', 'few', 'narrow', 'small'].map((name) => `emoji-scenes-${name}`), 'bccd'].map(recorded),
    [
      '1.14 1.77 could be chance',
      '1.47 2.14 could be chance',
      '1.09 1.90 could be chance',
      '0.26 2.34 could be chance',
      '-0.32 0.26 loss',
      '1.45 2.35 could be chance',
    ],
  );
  const long = readResults(join(__dirname, '../../data/results/emoji-scenes-long'));
  assert.equal(intervalText(summariseDifference(long, 'mse', 'student')!), '+5.48 ± 5.92', 'a number of README.md');
  assert.equal(intervalText({ mean: -0.0414, margin: 0.0023 }, 3), '−0.041 ± 0.002');
  assert.equal(intervalText({ mean: 0.5, margin: NaN }), '+0.50', 'one seed has no interval');
});
