/** mPC and rPC by hand, and what they refuse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { robustness, type CorruptedAP } from '../../lib/dist/coco/robustness';

const measured: CorruptedAP[] = [
  { name: 'fog', severity: 5, AP: 10 },
  { name: 'fog', severity: 1, AP: 30 },
  { name: 'gaussian_noise', severity: 1, AP: 24 },
  { name: 'gaussian_noise', severity: 5, AP: 4 },
];

test('mPC is the mean over corruptions of the means over severities, rPC its share of the clean AP', () => {
  assert.deepEqual(robustness(40, measured), {
    mPC: 17,
    rPC: 17 / 40,
    severities: [1, 5],
    corruptions: [
      { name: 'gaussian_noise', APs: [24, 4], mean: 14 },
      { name: 'fog', APs: [30, 10], mean: 20 },
    ],
  });
  assert.ok(Number.isNaN(robustness(0, measured).rPC));
});

test('a grid with holes or doubles is refused', () => {
  assert.throws(() => robustness(40, measured.slice(1)), /fog at severity 5 was measured 0 times/);
  assert.throws(() => robustness(40, [...measured, measured[0]]), /fog at severity 5 was measured 2 times/);
  assert.throws(() => robustness(40, []), /nothing was measured/);
});
