/**
 * From FCOS's outputs to detections, as mmdet does it: of each level the points of best score times
 * centerness; of those, each class whose score alone is above the threshold, ranked by the product.
 */
import { type Detections } from '../../data/types';
import { type DetectOptions, type Extent } from '../detector';
import { Candidates } from '../nms';
import { bestCells, probabilities } from '../scores';
import { type FcosOutput } from './head';
import { type PointGrid } from '../points';

/** What `DetectOptions` says, all of it. */
type Settings = Required<DetectOptions>;

/**
 * Detections of each picture, best first.
 * @param grids the points of each level
 * @param units pixels of one unit of each level's distances
 */
export function detectFcos(
  outputs: readonly FcosOutput[],
  grids: readonly PointGrid[],
  units: readonly number[],
  extents: readonly Extent[],
  settings: Settings,
): Detections[] {
  const levels = outputs.map(({ logits, distances, centerness }, level) => ({
    grid: grids[level],
    unit: units[level],
    classes: logits.shape[3],
    scores: probabilities(logits),
    centerness: probabilities(centerness),
    distances: distances.dataSync() as Float32Array,
  }));
  return extents.map((extent, n) => {
    const found = new Candidates();
    for (const level of levels) collect(level, n, extent, settings, found);
    return found.suppressed(settings);
  });
}

interface Level {
  grid: PointGrid;
  unit: number;
  classes: number;
  scores: Float32Array;
  centerness: Float32Array;
  distances: Float32Array;
}

/** Adds the candidates of one level and picture to `found`. */
function collect(
  { grid, unit, classes, scores, centerness, distances }: Level,
  n: number,
  { inputWidth, inputHeight }: Extent,
  { scoreThreshold, perLevel }: Settings,
  found: Candidates,
): void {
  const count = grid.height * grid.width;
  const product = (point: number, label: number): number =>
    Math.fround(scores[point * classes + label] * centerness[point]);
  for (const cell of bestCells(count, perLevel, (i) => bestProduct(scores, classes, centerness, n * count + i))) {
    const point = n * count + cell;
    const [x, y] = [cell % grid.width, Math.floor(cell / grid.width)].map((i) => i * grid.stride + grid.first);
    const [left, top, right, bottom] = distances.subarray(4 * point, 4 * point + 4).map((distance) => distance * unit);
    const clip = (value: number, size: number): number => Math.min(Math.max(value, 0), size);
    const [x1, y1] = [clip(x - left, inputWidth), clip(y - top, inputHeight)];
    const box = [x1, y1, clip(x + right, inputWidth), clip(y + bottom, inputHeight)];
    for (let label = 0; label < classes; label++) {
      if (!(scores[point * classes + label] > scoreThreshold)) continue;
      found.add(box, product(point, label), label);
    }
  }
}

function bestProduct(scores: Float32Array, classes: number, centerness: Float32Array, point: number): number {
  let best = 0;
  for (let label = 0; label < classes; label++) best = Math.max(best, scores[point * classes + label]);
  return Math.fround(best * centerness[point]);
}
