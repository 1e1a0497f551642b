/**
 * What every point of a batch learns: mmdet's `FCOSHead.get_targets`. A point learns the smallest
 * object that holds it and whose farthest side lies in the range of the point's level.
 */
import { type Target } from '../../data/types';
import { area } from '../boxes';
import { type ClassMatches } from '../focal-loss';
import { checkTarget } from '../target';
import { pointCount, type PointGrid } from '../points';

export interface PointAssignConfig {
  /**
   * Of each level, finest first: the least and the greatest distance in pixels from a point to the
   * farthest side of its object.
   */
  ranges: readonly (readonly [number, number])[];
  /** Only points within so many strides of an object's centre learn it; 0: all points inside. */
  centerRadius: number;
}

/** A point's index runs over pictures, then over one picture's points, finest level first. */
export interface PointMatches extends ClassMatches {
  /** [P * 4] distances to the object's left, top, right and bottom side, in pixels. */
  distances: Float32Array;
  /** [P] strides of those points' levels. */
  strides: Float32Array;
  /** [P] how central each is, in (0, 1]: sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b)). */
  centerness: Float32Array;
}

const f = Math.fround;

/**
 * Matches the points of each picture with its objects.
 * @param grids the points of each level, the same for every picture
 * @throws if a label is not below `classes` or a box has no area; the loader leaves such boxes out
 */
export function matchPoints(
  grids: readonly PointGrid[],
  targets: readonly Target[],
  classes: number,
  config: PointAssignConfig,
): PointMatches {
  const count = pointCount(grids);
  const matches: Record<Exclude<keyof PointMatches, 'weights'>, number[]> = {
    positives: [],
    labels: [],
    distances: [],
    strides: [],
    centerness: [],
  };
  for (const [n, target] of targets.entries()) {
    checkTarget(target, n, classes);
    const objects = smallestObjects(grids, target, config);
    for (const grid of grids)
      for (let cell = 0; cell < grid.height * grid.width; cell++) {
        const object = objects[grid.start + cell];
        if (object < 0) continue;
        const sides = sidesOf(grid, cell % grid.width, Math.floor(cell / grid.width), target.boxes, object);
        matches.positives.push(n * count + grid.start + cell);
        matches.labels.push(target.labels[object]);
        matches.distances.push(...sides);
        matches.strides.push(grid.stride);
        matches.centerness.push(centernessOf(sides));
      }
  }
  return {
    weights: new Float32Array(targets.length * count).fill(1),
    positives: Int32Array.from(matches.positives),
    labels: Int32Array.from(matches.labels),
    distances: Float32Array.from(matches.distances),
    strides: Float32Array.from(matches.strides),
    centerness: Float32Array.from(matches.centerness),
  };
}

/** The object that each point of a picture learns, the first of equal areas; -1 for the background. */
function smallestObjects(
  grids: readonly PointGrid[],
  { boxes, labels }: Target,
  config: PointAssignConfig,
): Int32Array {
  const objects = new Int32Array(pointCount(grids)).fill(-1);
  for (const object of labels.keys())
    for (const [level, grid] of grids.entries()) {
      const [least, greatest] = config.ranges[level];
      const reach = config.centerRadius > 0 ? config.centerRadius * grid.stride : Infinity;
      const [columns, rows] = [0, 1].map((axis) => within(grid, axis, boxes, object, reach));
      for (const y of rows)
        for (const x of columns) {
          const point = grid.start + y * grid.width + x;
          const farthest = farthestSide(grid, x, y, boxes, object);
          if (farthest < least || farthest > greatest) continue;
          const rival = objects[point];
          if (rival < 0 || area(boxes, object) < area(boxes, rival)) objects[point] = object;
        }
    }
  return objects;
}

/**
 * The columns (axis 0) or rows (axis 1) whose points lie inside a box and within `reach` of its
 * middle.
 */
function within(grid: PointGrid, axis: number, boxes: Float32Array, object: number, reach: number): number[] {
  const [low, high] = [boxes[4 * object + axis], boxes[4 * object + 2 + axis]];
  const middle = f(f(low + high) / 2);
  const [from, to] = [Math.max(f(middle - reach), low), Math.min(f(middle + reach), high)];
  const { first, stride } = grid;
  const begin = Math.max(0, Math.floor((from - first) / stride));
  const end = Math.min(axis === 0 ? grid.width : grid.height, Math.ceil((to - first) / stride) + 1);
  const indices: number[] = [];
  for (let i = begin; i < end; i++) if (i * stride + first > from && i * stride + first < to) indices.push(i);
  return indices;
}

/** The greatest of `sidesOf`, for points inside a box, without a list of them. */
function farthestSide(
  { first, stride }: PointGrid,
  column: number,
  row: number,
  boxes: Float32Array,
  object: number,
): number {
  const [x, y, at] = [column * stride + first, row * stride + first, 4 * object];
  return f(Math.max(x - boxes[at], y - boxes[at + 1], boxes[at + 2] - x, boxes[at + 3] - y));
}

/** Distances of a point to the left, top, right and bottom side, rounded to float32 as PyTorch does. */
function sidesOf(
  { first, stride }: PointGrid,
  column: number,
  row: number,
  boxes: Float32Array,
  object: number,
): number[] {
  const [x, y, at] = [column * stride + first, row * stride + first, 4 * object];
  return [f(x - boxes[at]), f(y - boxes[at + 1]), f(boxes[at + 2] - x), f(boxes[at + 3] - y)];
}

function centernessOf([left, top, right, bottom]: number[]): number {
  const share = (a: number, b: number): number => Math.min(a, b) / Math.max(a, b);
  return Math.sqrt(share(left, right) * share(top, bottom));
}
