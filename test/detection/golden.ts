/** The answers of test/golden/detection.py and the numbers that both sides make from names. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Detections, Target } from '../../lib/dist/data/types';
import type { Parameter } from '../../lib/dist/core/parameters';
import type { RetinaNet, RetinaNetConfig } from '../../lib/dist/detection/retinanet';
import type { Tensor } from '../../lib/dist/tf';

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
  /**
   * Norm of each trained parameter's gradient, and its product with the numbers named
   * `<parameter>/probe`.
   */
  gradients: Record<string, [number, number]>;
  running: Record<string, number[]>;
}

export const golden = JSON.parse(readFileSync(path.join(__dirname, '../golden/detection.json'), 'utf8'));

/** `count` integers of 32 bits: detection_reference.py's `hashes`. */
export function hashes(name: string, count: number): Uint32Array {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name)) h = Math.imul(h ^ byte, 0x01000193);
  const result = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(i, 0x9e3779b1) + h) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    result[i] = x ^ (x >>> 16);
  }
  return result;
}

/** `count` numbers in [low, high): detection_reference.py's `numbers`. */
export function numbers(name: string, count: number, low = -1, high = 1): Float32Array {
  const result = new Float32Array(count);
  const h = hashes(name, count);
  for (let i = 0; i < count; i++) result[i] = low + (high - low) * ((h[i] >>> 8) / 2 ** 24);
  return result;
}

/**
 * A parameter's numbers, in our HWIO order for convolutions: detection_reference.py's `initial` and
 * its probes.
 */
export function parameterNumbers(name: string, shape: readonly number[]): Float32Array {
  if (shape.length === 4) return filterNumbers(name, shape, name.includes('retina') ? 0.2 : 1.5);
  const size = sizeOf(shape);
  return /(running_var|weight)$/.test(name) ? numbers(name, size, 0.5, 1.5) : numbers(name, size, -0.3, 0.3);
}

/** A parameter's numbers in the published networks: published.py's `start`. */
export function publishedNumbers(name: string, shape: readonly number[]): Float32Array {
  if (name.endsWith('bn3.weight')) return numbers(name, sizeOf(shape), 0.1, 0.5);
  if (name.endsWith('retina_cls.bias')) return numbers(name, sizeOf(shape), -4.5, -3.5);
  if (shape.length === 4 && name.includes('retina')) return filterNumbers(name, shape, name.includes('cls') ? 9 : 3);
  return parameterNumbers(name, shape);
}

/** An FCOS's numbers: fcos_reference.py's `fcos_start`. */
export function fcosNumbers(name: string, shape: readonly number[]): Float32Array {
  const size = sizeOf(shape);
  if (name.endsWith('bbox_head.conv_reg.bias')) return numbers(name, size, 1, 3);
  if (name.endsWith('bbox_head.conv_cls.bias')) return numbers(name, size, -4, -1);
  if (name.endsWith('.scale')) return numbers(name, size, 0.8, 1.2);
  return /bbox_head\.conv_\w+\.weight$/.test(name) ? filterNumbers(name, shape, 1) : parameterNumbers(name, shape);
}

/** An FCOS's numbers at the published size: fcos_steps.py's `start`. */
export function publishedFcosNumbers(name: string, shape: readonly number[]): Float32Array {
  return (name.endsWith('bn3.weight') ? publishedNumbers : fcosNumbers)(name, shape);
}

/** A Faster R-CNN's or Cascade R-CNN's numbers: faster_rcnn_reference.py's `start`. */
export function regionNumbers(name: string, shape: readonly number[]): Float32Array {
  if (!/\b(rpn_head|roi_head)\..*weight$/.test(name)) return parameterNumbers(name, shape);
  return filterNumbers(name, shape, name.includes('fc_cls') ? 6 : 2);
}

/** The same at the published size: cascade_steps.py's `start`. */
export function publishedRegionNumbers(name: string, shape: readonly number[]): Float32Array {
  return (name.endsWith('bn3.weight') ? publishedNumbers : regionNumbers)(name, shape);
}

/** Draws the first that there are, as faster_rcnn_reference.py does. */
export const firstOf = (places: ArrayLike<number>, count: number): number[] => Array.from(places).slice(0, count);

/** A RepPoints' numbers: reppoints_reference.py's `reppoints_start`. */
export function repPointsNumbers(name: string, shape: readonly number[]): Float32Array {
  const size = sizeOf(shape);
  if (name.endsWith('bbox_head.reppoints_pts_init_out.bias')) return numbers(name, size, -2.5, 2.5);
  if (name.endsWith('bbox_head.reppoints_cls_out.bias')) return numbers(name, size, -4, -1);
  if (name.endsWith('bbox_head.moment_transfer')) return numbers(name, size, 0.1, 0.4);
  return /bbox_head\.reppoints_\w+\.weight$/.test(name) ? filterNumbers(name, shape, 1) : parameterNumbers(name, shape);
}

/** A RepPoints' numbers at the published size: reppoints_steps.py's `start`. */
export function publishedRepPointsNumbers(name: string, shape: readonly number[]): Float32Array {
  return (name.endsWith('bn3.weight') ? publishedNumbers : repPointsNumbers)(name, shape);
}

function filterNumbers(name: string, shape: readonly number[], scale: number): Float32Array {
  const bound = scale / Math.sqrt(shape[0] * shape[1] * shape[2]);
  return numbers(name, sizeOf(shape), -bound, bound);
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** Gives every parameter its numbers; `prefix` goes before its name. */
export function fill({ parameters }: Pick<RetinaNet, 'parameters'>, values = parameterNumbers, prefix = ''): void {
  for (const { name, shape } of parameters.all())
    parameters.load(new Map([[name, { shape, data: values(prefix + name, shape) }]]), { strict: false });
}

/**
 * Every parameter's gradient has the expected norm, and product with the numbers named
 * `<parameter>/probe`.
 */
export function nearGradients(
  trained: readonly Pick<Parameter, 'name' | 'shape'>[],
  gradients: readonly Tensor[],
  expected: Record<string, [norm: number, product: number]>,
): void {
  assert.deepEqual(trained.map((parameter) => parameter.name).sort(), Object.keys(expected).sort());
  const largest = Math.max(...Object.values(expected).map(([norm]) => norm));
  for (const [i, { name: key, shape }] of trained.entries()) {
    const gradient = gradients[i].dataSync() as Float32Array;
    const probe = numbers(`${key}/probe`, gradient.length);
    const [norm, product] = expected[key];
    const tolerance = 1e-4 * Math.max(norm, 1e-3 * largest);
    const own = Math.hypot(...gradient);
    assert.ok(Math.abs(own - norm) < tolerance, `${key} [${shape}]: norm ${own}, not ${norm}`);
    const along = gradient.reduce((sum, g, j) => sum + g * probe[j], 0);
    assert.ok(Math.abs(along - product) < tolerance * Math.sqrt(gradient.length), `${key}: ${along}, not ${product}`);
  }
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

/** The objects of a golden case's pictures, as a loader gives them. */
export const targetsOf = ({ targets }: { targets: readonly { boxes: number[]; labels: number[] }[] }): Target[] =>
  targets.map(({ boxes, labels }) => ({ boxes: Float32Array.from(boxes), labels: Int32Array.from(labels) }));

/** Detections of every picture: the labels, scores and sides in pixels within a tolerance each. */
export function nearDetections(
  found: readonly Detections[],
  expected: readonly { boxes: number[]; scores: number[]; labels: number[] }[],
  { score: ofScore, box: ofBox }: { score: number; box: number },
): void {
  assert.equal(found.length, expected.length);
  for (const [i, { boxes, scores, labels }] of found.entries()) {
    assert.deepEqual([...labels], expected[i].labels);
    scores.forEach((score, k) => assert.ok(Math.abs(score - expected[i].scores[k]) < ofScore, `score ${k}`));
    boxes.forEach((side, k) => assert.ok(Math.abs(side - expected[i].boxes[k]) < ofBox, `box ${k}`));
  }
}
