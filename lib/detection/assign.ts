/**
 * Which anchor learns which object: mmdet's `MaxIoUAssigner` (gt_max_assign_all, match_low_quality,
 * min_pos_iou 0), ties included. Two departures: an object that no anchor overlaps at all gets none
 * (mmdet gives it every anchor that has no overlap with it), and anchors over padding are negative
 * (mmdet leaves those out of the loss).
 */
import { iou } from './boxes';

export interface AssignConfig {
  /** An anchor of at least this overlap with an object learns it. */
  positive: number;
  /**
   * An anchor below this overlap with every object learns the background; one between the two
   * learns nothing.
   */
  negative: number;
}

export const BACKGROUND = -1;
export const IGNORED = -2;

/** [anchors]: the index of the object that each anchor learns, BACKGROUND or IGNORED. */
export function assign(anchors: Float32Array, boxes: Float32Array, config: AssignConfig): Int32Array {
  const [anchorCount, boxCount] = [anchors.length / 4, boxes.length / 4];
  const overlap = new Float32Array(anchorCount); // of the best object
  const assigned = new Int32Array(anchorCount); // first the best object, then the answer
  const closest: number[][] = []; // each object's anchors of greatest overlap, all of a tie
  for (let box = 0; box < boxCount; box++) {
    let best = 0;
    let anchorsOfBest: number[] = [];
    for (let anchor = 0; anchor < anchorCount; anchor++) {
      const value = iou(boxes, box, anchors, anchor);
      if (value === 0) continue;
      if (value > overlap[anchor]) {
        overlap[anchor] = value;
        assigned[anchor] = box;
      }
      if (value > best) {
        best = value;
        anchorsOfBest = [anchor];
      } else if (value === best) anchorsOfBest.push(anchor);
    }
    closest.push(anchorsOfBest);
  }
  const [positive, negative] = [Math.fround(config.positive), Math.fround(config.negative)];
  for (let anchor = 0; anchor < anchorCount; anchor++) {
    if (overlap[anchor] >= positive) continue;
    assigned[anchor] = overlap[anchor] < negative ? BACKGROUND : IGNORED;
  }
  for (const [box, anchorsOfBest] of closest.entries()) for (const anchor of anchorsOfBest) assigned[anchor] = box;
  return assigned;
}
