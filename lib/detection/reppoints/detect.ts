/**
 * From RepPoints' outputs to detections, as mmdet does it: of each level the points of best score,
 * of those each class above the threshold, boxes clipped to the picture, then non-maximum
 * suppression.
 */
import { type Detections } from '../../data/types';
import { type DetectOptions, detectSettings, type Extent } from '../detector';
import { Candidates } from '../nms';
import { pointCount, type PointGrid } from '../points';
import { bestCells } from '../scores';

/**
 * Detections of each picture, best first.
 * @param scores [N * points * classes]
 * @param boxes [N * points * 4] from the points, in their strides
 * @param grids the points of each level
 */
export function detectRepPoints(
  scores: Float32Array,
  boxes: Float32Array,
  classes: number,
  grids: readonly PointGrid[],
  extents: readonly Extent[],
  options: DetectOptions = {},
): Detections[] {
  const { scoreThreshold, perLevel, ...suppression } = detectSettings(options);
  const f = Math.fround;
  const count = pointCount(grids);
  return extents.map(({ inputWidth, inputHeight }, n) => {
    const found = new Candidates();
    for (const { start, height, width, stride, first } of grids) {
      const from = n * count + start;
      const best = (cell: number): number =>
        scores.subarray((from + cell) * classes, (from + cell + 1) * classes).reduce((a, b) => Math.max(a, b));
      for (const cell of bestCells(height * width, perLevel, best)) {
        const place = [cell % width, Math.floor(cell / width)].map((i) => i * stride + first);
        const box = [...boxes.subarray(4 * (from + cell), 4 * (from + cell + 1))].map((side, k) => {
          const limit = k % 2 === 0 ? inputWidth : inputHeight;
          return Math.min(Math.max(f(f(side * stride) + place[k % 2]), 0), limit);
        });
        for (let label = 0; label < classes; label++) {
          const score = scores[(from + cell) * classes + label];
          if (!(score > scoreThreshold)) continue;
          found.add(box, score, label);
        }
      }
    }
    return found.suppressed(suppression);
  });
}
