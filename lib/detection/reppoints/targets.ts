/**
 * What the points of a batch learn in RepPoints' two stages (mmdet's `RepPointsHead.get_targets`):
 * first the points nearest to objects learn boxes, then those whose first boxes overlap objects learn
 * better ones, and all others the background.
 */
import { type Target } from '../../data/types';
import { type Cells } from '../anchors';
import { assignBoxes, type AssignConfig, type Assignment } from '../assign';
import { type ClassMatches } from '../focal-loss';
import { pointCount, type PointGrid } from '../points';
import { checkTarget } from '../target';
import { nearestPoints } from './nearest-points';

export interface RepPointsAssignConfig extends AssignConfig {
  /**
   * In the first stage an object of side s is learned on the level of stride s / scale, and both
   * stages measure a box's errors in scale strides.
   */
  scale: number;
}

/** A point's index runs over pictures, then over one picture's points, finest level first. */
export interface BoxMatches {
  /** [P] indices of the points that learn an object. */
  positives: Int32Array;
  /** [P * 4] the sides x1, y1, x2, y2 of those objects seen from the points, in their strides. */
  boxes: Float32Array;
  /** The points that learn an object, each picture counted with at least one. */
  normalizer: number;
}

/** Of the first and the second stage. */
export interface RepPointsMatches {
  initial: BoxMatches;
  refined: BoxMatches & ClassMatches;
}

/**
 * @param grids the points of each level, the same for every picture
 * @param initialBoxes [N * points * 4] from the points, in their strides
 * @param cells for each picture, those of each level that its points take part of; default all
 * @throws if a label is not below `classes` or a box has no area; the loader leaves such boxes out
 */
export function matchRepPoints(
  grids: readonly PointGrid[],
  targets: readonly Target[],
  classes: number,
  { scale, ...overlaps }: RepPointsAssignConfig,
  initialBoxes: Float32Array,
  cells?: readonly (readonly Cells[])[],
): RepPointsMatches {
  const count = pointCount(grids);
  const weights = new Float32Array(targets.length * count);
  const [initial, refined] = [collector(grids), collector(grids)];
  const labels: number[] = [];
  for (const [n, target] of targets.entries()) {
    checkTarget(target, n, classes);
    const own = weights.subarray(n * count, (n + 1) * count);
    markCells(own, grids, cells?.[n] ?? grids);
    initial.add(n, target, nearestPoints(grids, target.boxes, scale, cells?.[n] ?? grids));
    const placed = inPixels(grids, initialBoxes.subarray(4 * n * count, 4 * (n + 1) * count));
    const assignment = assignBoxes(placed, target.boxes, overlaps, own);
    refined.add(n, target, assignment);
    labels.push(...assignment.objects.map((object) => target.labels[object]));
    for (const point of assignment.ignored) own[point] = 0;
  }
  return {
    initial: initial.matches(),
    refined: { ...refined.matches(), weights, labels: Int32Array.from(labels) },
  };
}

/** Gathers one stage's matches of all pictures. */
function collector(grids: readonly PointGrid[]): {
  add(n: number, target: Target, assignment: Pick<Assignment, 'positives' | 'objects'>): void;
  matches(): BoxMatches;
} {
  const count = pointCount(grids);
  const positives: number[] = [];
  const sides: number[] = [];
  let normalizer = 0;
  return {
    add(n, { boxes }, assignment) {
      for (const [i, point] of assignment.positives.entries()) {
        positives.push(n * count + point);
        const { x, y, stride } = placeOf(grids, point);
        const object = boxes.subarray(4 * assignment.objects[i], 4 * assignment.objects[i] + 4);
        sides.push(...[...object].map((side, k) => (side - (k % 2 === 0 ? x : y)) / stride));
      }
      normalizer += Math.max(1, assignment.positives.length);
    },
    matches: () => ({ positives: Int32Array.from(positives), boxes: Float32Array.from(sides), normalizer }),
  };
}

/** Where a point of a picture is, in pixels. */
function placeOf(grids: readonly PointGrid[], point: number): { x: number; y: number; stride: number } {
  const { start, width, stride, first } = grids.filter((grid) => grid.start <= point).pop()!;
  const [column, row] = [(point - start) % width, Math.floor((point - start) / width)];
  return { x: column * stride + first, y: row * stride + first, stride };
}

/** Boxes seen from the points of a picture, in their strides -> boxes in pixels, rounded as in PyTorch. */
function inPixels(grids: readonly PointGrid[], boxes: Float32Array): Float32Array {
  const placed = new Float32Array(boxes.length);
  let at = 0;
  for (const { height, width, stride, first } of grids)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        for (let k = 0; k < 4; k++, at++)
          placed[at] = Math.fround(boxes[at] * stride) + (k % 2 === 0 ? column : row) * stride + first;
  return placed;
}

/** Weight 1 for the points of one picture inside its cells. */
function markCells(weights: Float32Array, grids: readonly PointGrid[], cells: readonly Cells[]): void {
  for (const [level, { start, width }] of grids.entries())
    for (let row = 0; row < cells[level].height; row++)
      weights.fill(1, start + row * width, start + row * width + cells[level].width);
}
