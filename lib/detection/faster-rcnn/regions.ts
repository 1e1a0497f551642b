/** Which regions the second stage learns from, and what: mmdet's `StandardRoIHead` with its sampler. */
import type { Target } from '../../data/types';
import { assignBoxes } from '../assign';
import { encodeDelta } from '../boxes';
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
