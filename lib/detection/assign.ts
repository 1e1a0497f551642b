/**
 * Which anchor learns which object: mmdet's `MaxIoUAssigner` (gt_max_assign_all, match_low_quality,
 * min_pos_iou 0), ties included. One departure: an object that no anchor overlaps at all gets none
 * (mmdet gives it every anchor that has no overlap with it).
 *
 * Anchors lie on grids, so of all of them only those are looked at that can overlap an object, and
 * of a size with which the overlap can matter.
 */
import type { AnchorGrid, Cells, TakesPart } from './anchors';
import { area, iou } from './boxes';

export interface AssignConfig {
  /** An anchor of at least this overlap with an object learns it. */
  positive: number;
  /**
   * An anchor below this overlap with every object learns the background; one between the two
   * learns nothing.
   */
  negative: number;
  /**
   * An object's anchors of greatest overlap learn it too where that is at least this (mmdet's
   * `min_pos_iou`). Default 0.
   */
  least?: number;
}

/**
 * Anchors (or other boxes, or points) by index over all levels; those in neither list learn the
 * background.
 */
export interface Assignment {
  /** [P] anchors that learn an object, ascending. */
  positives: number[];
  /** [P] which. */
  objects: number[];
  /** Anchors that learn nothing. */
  ignored: number[];
}

/** A base anchor of a level. */
interface Kind {
  grid: AnchorGrid;
  cells: Cells;
  /** Index of the level's first anchor. */
  start: number;
  /** Index in `base`. */
  index: number;
  area: number;
}

/** What an anchor that overlaps objects has learned so far. */
interface Match {
  /** With `object`, the first of the objects that it overlaps most. */
  overlap: number;
  object: number;
}

/** More than the rounding of coordinates can change an overlap. */
const ROUNDING = 1.001;

/**
 * @param grids of all levels
 * @param boxes [objects * 4]
 * @param cells of each level, outside of which no anchor takes part; default all
 * @param takesPart of the anchors in those cells; default all
 */
export function assign(
  grids: readonly AnchorGrid[],
  boxes: Float32Array,
  config: AssignConfig,
  cells: readonly Cells[] = grids,
  takesPart: TakesPart = () => true,
): Assignment {
  const [negative, least] = [Math.fround(config.negative), Math.fround(config.least ?? 0)];
  const kinds = kindsOf(grids, cells);
  const matches = new Map<number, Match>();
  const closest: number[][] = []; // each object's anchors of greatest overlap, all of a tie
  for (let object = 0; object < boxes.length / 4; object++) {
    const size = area(boxes, object);
    // Of two boxes the smaller area over the larger is the greatest overlap possible.
    const bound = (kind: Kind): number => Math.min(kind.area, size) / Math.max(kind.area, size);
    let best = 0;
    let anchorsOfBest: number[] = [];
    for (const kind of [...kinds].sort((a, b) => bound(b) - bound(a))) {
      if (bound(kind) * ROUNDING < Math.min(best, negative)) break;
      const { grid, start, index } = kind;
      const [first, last] = reach(kind, boxes, object);
      for (let y = first.y; y <= last.y; y++)
        for (let x = first.x; x <= last.x; x++) {
          const own = (y * grid.width + x) * (grid.base.length / 4) + index;
          const overlap = iou(boxes, object, grid.boxes, own);
          if (overlap === 0 || !takesPart(grid, own)) continue;
          const anchor = start + own;
          note(matches, anchor, { overlap, object });
          if (overlap > best) {
            best = overlap;
            anchorsOfBest = [anchor];
          } else if (overlap === best) anchorsOfBest.push(anchor);
        }
    }
    closest.push(best >= least ? anchorsOfBest : []);
  }
  return settle(matches, closest, config);
}

/**
 * The same for boxes of any place and size, such as a network's own.
 * @param candidates [candidates * 4]
 * @param boxes [objects * 4]
 * @param takesPart of each candidate, 0 where it does not; default all
 */
export function assignBoxes(
  candidates: Float32Array,
  boxes: Float32Array,
  config: AssignConfig,
  takesPart?: ArrayLike<number>,
): Assignment {
  const matches = new Map<number, Match>();
  const closest: number[][] = [];
  for (let object = 0; object < boxes.length / 4; object++) {
    let best = 0;
    let ofBest: number[] = [];
    for (let i = 0; i < candidates.length / 4; i++) {
      const overlap = iou(boxes, object, candidates, i);
      if (overlap === 0 || takesPart?.[i] === 0) continue;
      note(matches, i, { overlap, object });
      if (overlap > best) [best, ofBest] = [overlap, [i]];
      else if (overlap === best) ofBest.push(i);
    }
    closest.push(best >= Math.fround(config.least ?? 0) ? ofBest : []);
  }
  return settle(matches, closest, config);
}

/** Keeps the first of the objects that an anchor overlaps most. */
function note(matches: Map<number, Match>, anchor: number, { overlap, object }: Match): void {
  const match = matches.get(anchor);
  if (!match) matches.set(anchor, { overlap, object });
  else if (overlap > match.overlap) [match.overlap, match.object] = [overlap, object];
}

/** @param closest each object's anchors of greatest overlap, which learn it in any case */
function settle(matches: Map<number, Match>, closest: readonly number[][], config: AssignConfig): Assignment {
  const [positive, negative] = [Math.fround(config.positive), Math.fround(config.negative)];
  const learned = new Map<number, number>();
  const ignored = new Set<number>();
  for (const [anchor, { overlap, object }] of matches) {
    if (overlap >= positive) learned.set(anchor, object);
    else if (overlap >= negative) ignored.add(anchor);
  }
  for (const [object, anchors] of closest.entries())
    for (const anchor of anchors) {
      learned.set(anchor, object);
      ignored.delete(anchor);
    }
  const positives = [...learned.keys()].sort((a, b) => a - b);
  return { positives, objects: positives.map((anchor) => learned.get(anchor)!), ignored: [...ignored] };
}

function kindsOf(grids: readonly AnchorGrid[], cells: readonly Cells[]): Kind[] {
  let next = 0;
  return grids.flatMap((grid, level) => {
    const start = next;
    next += grid.boxes.length / 4;
    return Array.from({ length: grid.base.length / 4 }, (_, index) => ({
      grid,
      cells: cells[level],
      start,
      index,
      area: area(grid.base, index),
    }));
  });
}

/** First and last cell, both included, outside of which a kind of anchors is off an object. */
function reach(
  { grid: { base, stepX, stepY }, cells, index }: Kind,
  boxes: Float32Array,
  object: number,
): [first: { x: number; y: number }, last: { x: number; y: number }] {
  const [left, top, right, bottom] = base.subarray(4 * index, 4 * index + 4);
  const [x1, y1, x2, y2] = boxes.subarray(4 * object, 4 * object + 4);
  return [
    { x: Math.max(0, Math.floor((x1 - right) / stepX)), y: Math.max(0, Math.floor((y1 - bottom) / stepY)) },
    {
      x: Math.min(cells.width - 1, Math.ceil((x2 - left) / stepX)),
      y: Math.min(cells.height - 1, Math.ceil((y2 - top) / stepY)),
    },
  ];
}
