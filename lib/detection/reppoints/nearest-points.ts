/**
 * Which point learns which object in the first stage: mmdet's `PointAssigner` with pos_num 1. An
 * object goes to the level of its size, and there to the point nearest its centre, in widths and
 * heights of the object; of two objects with the same nearest point, it learns the nearer one.
 */
import { type Cells } from '../anchors';
import { type Assignment } from '../assign';
import { type PointGrid } from '../points';

const f = Math.fround;

/**
 * @param boxes [objects * 4]
 * @param scale an object of side s is of the level of stride s / scale
 * @param cells of each level, outside of which no point takes part
 */
export function nearestPoints(
  grids: readonly PointGrid[],
  boxes: Float32Array,
  scale: number,
  cells: readonly Cells[],
): Pick<Assignment, 'positives' | 'objects'> {
  const matches = new Map<number, { distance: number; object: number }>();
  for (let object = 0; object < boxes.length / 4; object++) {
    const [x1, y1, x2, y2] = boxes.subarray(4 * object, 4 * object + 4);
    const [width, height] = [f(x2 - x1), f(y2 - y1)];
    const level = levelOf(grids, width, height, scale);
    const { start, width: columns, stride, first } = grids[level];
    /** Of one axis: the nearest point, the first of two, and how far it is in sizes of the object. */
    const nearest = (centre: number, size: number, count: number): [index: number, distance: number] => {
      const index = Math.min(Math.max(Math.ceil((centre - first) / stride - 0.5), 0), count - 1);
      return [index, f(f(index * stride + first - centre) / size)];
    };
    const [column, dx] = nearest(f(f(x1 + x2) / 2), width, cells[level].width);
    const [row, dy] = nearest(f(f(y1 + y2) / 2), height, cells[level].height);
    const distance = f(Math.sqrt(f(f(dx * dx) + f(dy * dy))));
    const point = start + row * columns + column;
    const rival = matches.get(point);
    if (!rival || distance < rival.distance) matches.set(point, { distance, object });
  }
  const positives = [...matches.keys()].sort((a, b) => a - b);
  return { positives, objects: positives.map((point) => matches.get(point)!.object) };
}

/** Index of the level of an object's size, of the finest or the coarsest where it is beyond them. */
function levelOf(grids: readonly PointGrid[], width: number, height: number, scale: number): number {
  const power = Math.trunc(f(f(f(Math.log2(f(width / scale))) + f(Math.log2(f(height / scale)))) / 2));
  const finest = Math.log2(grids[0].stride);
  return Math.min(Math.max(power - finest, 0), grids.length - 1);
}
