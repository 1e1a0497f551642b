/** What a stage hands to the next: its regions, moved by what it has learned to predict. */
import type { Extent } from '../detector';
import { type Deviations, regionMover, type RegionMatches } from '../faster-rcnn/regions';

/** Regions [R, 5] moved by class-agnostic deltas [R * 4], clipped to their pictures. */
export function refined(
  regions: Float32Array,
  deltas: Float32Array,
  deviations: Deviations,
  extents: readonly Extent[],
): Float32Array {
  const move = regionMover(regions, deltas, deviations, extents);
  const next = Float32Array.from(regions);
  for (let r = 0; r < regions.length / 5; r++) move(r, 4 * r, next, 5 * r + 1);
  return next;
}

/**
 * The proposals [n * 4] of each picture that the next stage draws from: of the regions of this one,
 * moved to `boxes` [R, 5], those that were proposed. The objects themselves are added anew.
 */
export function proposedAgain(boxes: Float32Array, { added }: RegionMatches, pictures: number): Float32Array[] {
  const proposals = Array.from({ length: pictures }, (): number[] => []);
  for (const [r, isObject] of added.entries())
    if (!isObject) proposals[boxes[5 * r]].push(...boxes.subarray(5 * r + 1, 5 * r + 5));
  return proposals.map((own) => Float32Array.from(own));
}
