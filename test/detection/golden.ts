/** The answers of test/golden/detection.py and the numbers that both sides make from names. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { RetinaNetConfig } from '../../lib/dist/detection/retinanet';

export interface NetworkCase {
  config: RetinaNetConfig & { size: [number, number, number] };
  images: string;
  targets: { boxes: number[]; labels: number[] }[];
  /** A level's numbers of the first picture, [H * W * C]. */
  pyramid: number[][];
  logits: number[][];
  deltas: number[][];
  focalLoss: number;
  boxLoss: number;
  normalizer: number;
  /** Norm of each trained parameter's gradient, and its product with the numbers named `<parameter>/probe`. */
  gradients: Record<string, [number, number]>;
  running: Record<string, number[]>;
}

export const golden = JSON.parse(readFileSync(path.join(__dirname, '../golden/detection.json'), 'utf8'));

/** `count` numbers in [low, high): detection_reference.py's `numbers`. */
export function numbers(name: string, count: number, low = -1, high = 1): Float32Array {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name)) h = Math.imul(h ^ byte, 0x01000193);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b1) + h) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x = (x ^ (x >>> 16)) >>> 0;
    return low + (high - low) * ((x >>> 8) / 2 ** 24);
  });
}

/** A parameter's numbers, in our HWIO order for convolutions: detection_reference.py's `initial` and its probes. */
export function parameterNumbers(name: string, shape: readonly number[]): Float32Array {
  const size = shape.reduce((product, n) => product * n, 1);
  if (shape.length === 4) {
    const bound = (name.includes('retina') ? 0.2 : 1.5) / Math.sqrt(shape[0] * shape[1] * shape[2]);
    return numbers(name, size, -bound, bound);
  }
  return /(running_var|weight)$/.test(name) ? numbers(name, size, 0.5, 1.5) : numbers(name, size, -0.3, 0.3);
}

/** Every |actual - expected| is at most `tolerance` of the largest |expected|. */
export function near(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  let [largest, worst] = [1e-12, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    worst = Math.max(worst, Number.isFinite(actual[i]) ? Math.abs(actual[i] - expected[i]) : Infinity);
  }
  assert.ok(worst <= tolerance * largest, `${what}: off by ${worst}, largest ${largest}`);
}
