/** Which regions the second stage learns from, and what: mmdet's `StandardRoIHead` with its sampler. */
import type { Target } from '../../data/types';
import { encodeDelta, iou } from '../boxes';
import { type Choose, sample } from '../draw';
import type { RegionMatches } from './roi-head';

export interface RegionConfig {
  /** Overlap from which a region learns an object; below it learns the background. */
  positive: number;
  /** Regions drawn from each picture, and at most which share of them learns an object. */
  sample: { count: number; share: number };
}

/**
 * Draws the regions that learn, the objects themselves among them.
 * @param proposals [n * 4] of each picture
 * @param classes K, the label of the background
 * @param names of the pictures, for the draw
 */
export function matchRegions(
  proposals: readonly Float32Array[],
  targets: readonly Target[],
  { positive, sample: drawn }: RegionConfig,
  classes: number,
  [ofCentre, ofSize]: readonly [number, number],
  choose: Choose,
  names: readonly (string | number)[],
): RegionMatches {
  const boxes: number[] = [];
  const labels: number[] = [];
  const positives: number[] = [];
  const deltas: number[] = [];
  const delta = new Float32Array(4);
  for (const [n, target] of targets.entries()) {
    const regions = Float32Array.of(...target.boxes, ...proposals[n]);
    const objects = Int32Array.from({ length: regions.length / 4 }, (_, r) =>
      r < target.labels.length ? r : objectOf(regions, r, target.boxes, Math.fround(positive)),
    );
    const all = [...objects.keys()];
    const [own, others] = [all.filter((r) => objects[r] >= 0), all.filter((r) => objects[r] < 0)];
    const chosen = sample(own, others, drawn, choose, `${names[n]}/regions`);
    for (const r of [...chosen.positives, ...chosen.negatives]) {
      if (objects[r] >= 0) {
        positives.push(labels.length);
        encodeDelta(regions, r, target.boxes, objects[r], delta, 0);
        deltas.push(delta[0] / ofCentre, delta[1] / ofCentre, delta[2] / ofSize, delta[3] / ofSize);
      }
      labels.push(objects[r] >= 0 ? target.labels[objects[r]] : classes);
      boxes.push(n, ...regions.subarray(4 * r, 4 * r + 4));
    }
  }
  return {
    boxes: Float32Array.from(boxes),
    labels: Int32Array.from(labels),
    positives: Int32Array.from(positives),
    deltas: Float32Array.from(deltas),
  };
}

/** The first object that a region overlaps most, -1 where that is less than `least`. */
function objectOf(regions: Float32Array, r: number, boxes: Float32Array, least: number): number {
  let [best, object] = [0, -1];
  for (let j = 0; j < boxes.length / 4; j++) {
    const overlap = iou(boxes, j, regions, r);
    if (overlap > best) [best, object] = [overlap, j];
  }
  return best >= least ? object : -1;
}
