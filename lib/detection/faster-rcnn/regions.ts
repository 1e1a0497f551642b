/**
 * Regions of a batch, [R, 5] picture, x1, y1, x2, y2: which of them learn, and what (mmdet's
 * `StandardRoIHead` with its sampler), and where their deltas move them.
 */
import type { Target } from '../../data/types';
import { assignBoxes } from '../assign';
import { decodeDelta, encodeDelta } from '../boxes';
import type { Extent } from '../detector';
import { type Draw, sample } from '../draw';

export interface RegionConfig {
  /** Overlap from which a region learns an object; below it learns the background. */
  positive: number;
  /** Regions drawn from each picture, and at most which share of them learns an object. */
  sample: { count: number; share: number };
}

/** What a head's deltas are divided by: of the centre, of the size. */
export type Deviations = readonly [number, number];

/** What the regions of a batch learn. */
export interface RegionMatches {
  /** [R, 5]. */
  boxes: Float32Array;
  /** [R] classes, K for the background. */
  labels: Int32Array;
  /** [R] 1 for an object itself, which was added to the proposals. */
  added: Uint8Array;
  /** [P] the regions that learn an object, and [P * 4] their deltas. */
  positives: Int32Array;
  deltas: Float32Array;
}

/** The boxes [n * 4] of each picture as regions. */
export function regionsOf(pictures: readonly Float32Array[]): Float32Array {
  const count = pictures.reduce((sum, own) => sum + own.length / 4, 0);
  const regions = new Float32Array(5 * count);
  let at = 0;
  for (const [n, own] of pictures.entries())
    for (let i = 0; i < own.length; i += 4, at += 5) regions.set([n, ...own.subarray(i, i + 4)], at);
  return regions;
}

/**
 * Draws the regions that learn, the objects themselves among them.
 * @param proposals [n * 4] of each picture
 * @param classes K, the label of the background
 */
export function matchRegions(
  proposals: readonly Float32Array[],
  targets: readonly Target[],
  { positive, sample: drawn }: RegionConfig,
  classes: number,
  [ofCentre, ofSize]: Deviations,
  { choose, names }: Draw,
): RegionMatches {
  const boxes: number[] = [];
  const labels: number[] = [];
  const added: number[] = [];
  const positives: number[] = [];
  const deltas: number[] = [];
  const delta = new Float32Array(4);
  for (const [n, target] of targets.entries()) {
    const regions = Float32Array.of(...target.boxes, ...proposals[n]);
    const all = Array.from({ length: regions.length / 4 }, (_, r) => r);
    const found = assignBoxes(proposals[n], target.boxes, { positive, negative: positive, least: Infinity });
    const objectOf = new Map([...target.labels.keys()].map((object) => [object, object])); // the objects themselves
    for (const [i, proposal] of found.positives.entries())
      objectOf.set(target.labels.length + proposal, found.objects[i]);
    const [own, others] = [all.filter((r) => objectOf.has(r)), all.filter((r) => !objectOf.has(r))];
    const chosen = sample(own, others, drawn, choose, `${names[n]}/regions`);
    for (const r of [...chosen.positives, ...chosen.negatives]) {
      const object = objectOf.get(r);
      if (object !== undefined) {
        positives.push(labels.length);
        encodeDelta(regions, r, target.boxes, object, delta, 0);
        deltas.push(delta[0] / ofCentre, delta[1] / ofCentre, delta[2] / ofSize, delta[3] / ofSize);
      }
      labels.push(object === undefined ? classes : target.labels[object]);
      added.push(r < target.labels.length ? 1 : 0);
      boxes.push(n, ...regions.subarray(4 * r, 4 * r + 4));
    }
  }
  return {
    boxes: Float32Array.from(boxes),
    labels: Int32Array.from(labels),
    added: Uint8Array.from(added),
    positives: Int32Array.from(positives),
    deltas: Float32Array.from(deltas),
  };
}

/**
 * Moves regions by deltas of a head.
 * @returns a function that writes the box which the four numbers of `deltas` from `from` on make of
 *   region `r` to `out` from `at` on, clipped to its picture
 */
export function regionMover(
  regions: Float32Array,
  deltas: Float32Array,
  [ofCentre, ofSize]: Deviations,
  extents: readonly Extent[],
): (r: number, from: number, out: Float32Array, at: number) => void {
  const scaled = new Float32Array(4);
  return (r, from, out, at) => {
    for (let i = 0; i < 4; i++) scaled[i] = deltas[from + i] * (i < 2 ? ofCentre : ofSize);
    const { inputWidth, inputHeight } = extents[regions[5 * r]];
    decodeDelta(regions.subarray(5 * r + 1, 5 * r + 5), 0, scaled, 0, [inputWidth, inputHeight], out, at);
  };
}
