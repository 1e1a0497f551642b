/** The inputs and summaries of test/golden/freekd_inputs.py, computed in TypeScript. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tf, type Tensor, type Tensor4D } from '../../lib/dist/tf';

const PROJECTION_SEED = 977;

/** What freekd_inputs.py stores of an array. */
export interface Summary {
  shape: number[];
  sum: number;
  max: number;
  projection: number;
  samples: [number, number][];
}

/** Reads test/golden/<name>.json. */
export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(join(__dirname, '..', 'golden', `${name}.json`), 'utf8')) as T;
}

/** `size` values in [-1, 1) times `scale`, from the row-major index and a seed. */
export function hashed(size: number, seed: number, scale = 1): Float32Array {
  const start = Number((BigInt(seed) * 0x9e3779b9n) & 0xffffffffn);
  return Float32Array.from({ length: size }, (_, i) => {
    let h = (i + start) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
    h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
    h ^= h >>> 15;
    return ((h >>> 8) / 2 ** 23 - 1) * scale;
  });
}

export function hashedTensor<T extends Tensor>(shape: number[], seed: number, scale = 1): T {
  return tf.tensor(hashed(shape.reduce((product, n) => product * n, 1), seed, scale), shape) as T;
}

/** A feature [N, H, W, C]. */
export function feature(batch: number, size: number[], channels: number, seed: number): Tensor4D {
  return hashedTensor([batch, ...size, channels], seed);
}

/** Of a difference, relative to the scale of what is compared. */
export const TOLERANCE = 1e-5;

/** Asserts |actual - expected| <= TOLERANCE * scale. */
export function close(actual: number, expected: number, scale: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= TOLERANCE * scale, `${what}: ${actual}, expected ${expected}, scale ${scale}`);
}

/**
 * Asserts that `tensor` is what `expected` summarises: every sample within 1e-5 of the array's
 * largest magnitude, sum and projection within 1e-5 of that times the number of values' square
 * root.
 * @param unit in place of the largest magnitude, for a small array that is a sum of large terms
 */
export function matches(tensor: Tensor, expected: Summary, what: string, unit = expected.max): void {
  const values = tensor.dataSync();
  assert.deepEqual(tensor.shape, expected.shape, `${what}: shape`);
  const along = hashed(values.length, PROJECTION_SEED);
  let [sum, projection, max] = [0, 0, 0];
  values.forEach((value, i) => {
    sum += value;
    projection += value * along[i];
    max = Math.max(max, Math.abs(value));
  });
  for (const [i, value] of expected.samples) close(values[i], value, unit, `${what}[${i}]`);
  close(max, expected.max, unit, `${what}: largest magnitude`);
  close(sum, expected.sum, unit * Math.sqrt(values.length), `${what}: sum`);
  close(projection, expected.projection, unit * Math.sqrt(values.length), `${what}: projection`);
}

/** Runs `f` twice and asserts that the second run leaves no tensor behind. */
export function leavesNothing(f: () => Tensor | Tensor[]): void {
  const run = (): void => tf.dispose(f());
  run();
  const before = tf.memory().numTensors;
  run();
  assert.equal(tf.memory().numTensors, before, 'tensors left behind');
}
