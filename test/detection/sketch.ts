/**
 * The other side of test/golden/sketch.py: how far a tensor is from one of which 18 numbers are
 * known.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { hashes } from './golden';

const SUMS = 16;

/** [norm, floor, 16 sums]; the floor is how far float32 itself can be off. */
export type Sketch = number[];

/** The 16 signed sums of `values`. */
export function sums(name: string, values: ArrayLike<number>): number[] {
  const h = hashes(`${name}/sketch`, values.length);
  const result = new Array<number>(SUMS).fill(0);
  for (let i = 0; i < values.length; i++) result[h[i] & (SUMS - 1)] += h[i] >>> 31 ? -values[i] : values[i];
  return result;
}

/** An estimate of the relative L2 error of `values`. */
export function relativeError(name: string, values: ArrayLike<number>, [norm, , ...expected]: Sketch): number {
  const error = Math.hypot(...sums(name, values).map((sum, k) => sum - expected[k])) / norm;
  return Number.isFinite(error) ? error : Infinity;
}

/** [name, relative error, floor of float32]. */
export type Measured = [name: string, error: number, floor: number];

export function measure(name: string, values: ArrayLike<number>, sketch: Sketch): Measured {
  return [name, relativeError(name, values, sketch), sketch[1]];
}

/**
 * Holds each error against the limit, or against twice the floor where that is more; says the
 * worst.
 */
export function hold(t: TestContext, what: string, errors: Measured[], limit: number): void {
  errors.sort((a, b) => b[1] - a[1]);
  const [name, worst, floor] = errors[0];
  const above = errors.filter(([, error]) => error > limit);
  const median = errors[errors.length >> 1][1];
  t.diagnostic(
    `${what}: worst ${worst.toExponential(1)} (${name}, floor ${floor.toExponential(1)}), median ` +
      `${median.toExponential(1)}, ${above.length} of ${errors.length} above ${limit}`,
  );
  for (const [key, error, own] of above) assert.ok(error <= 2 * own, `${what} ${key}: off by ${error}, floor ${own}`);
}

export interface Found {
  boxes: ArrayLike<number>;
  scores: ArrayLike<number>;
  labels: ArrayLike<number>;
}

/**
 * Each expected detection is there once, and no other: its score within 1e-4, its box within 0.01
 * pixels.
 */
export function holdDetections(found: Found, expected: Found): void {
  assert.equal(found.scores.length, expected.scores.length);
  const left = new Set(Array.from(found.scores, (_, j) => j));
  for (let i = 0; i < expected.scores.length; i++) {
    const [score, label] = [expected.scores[i], expected.labels[i]];
    const box = [0, 1, 2, 3].map((k) => expected.boxes[4 * i + k]);
    const same = [...left].find(
      (j) =>
        found.labels[j] === label &&
        Math.abs(found.scores[j] - score) < 1e-4 &&
        box.every((v, k) => Math.abs(found.boxes[4 * j + k] - v) < 0.01),
    );
    assert.ok(same !== undefined, `class ${label} with ${score} at ${box} is not found`);
    left.delete(same);
  }
}
