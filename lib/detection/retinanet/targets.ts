/**
 * What every anchor of a batch learns: the assignment of anchors to objects in the form that the
 * losses read.
 */
import { type Target } from '../../data/types';
import { type AnchorGrid, type Cells, onGrid } from '../anchors';
import { assign, type AssignConfig } from '../assign';
import { encodeDelta } from '../boxes';
import { type ClassMatches } from '../focal-loss';
import { checkTarget } from '../target';

/** An anchor's index runs over pictures, then over one picture's anchors. */
export interface Matches extends ClassMatches {
  /** [P * 4] the box deltas of the anchors that learn an object. */
  deltas: Float32Array;
  /** What mmdet divides the losses by: the positive anchors, each picture counted with at least one. */
  normalizer: number;
}

/**
 * Matches the anchors of each picture with its objects.
 * @param grids the anchors of each level, the same for every picture
 * @param cells for each picture, those of each level that its anchors take part of; default all
 * @throws if a label is not below `classes` or a box has no area; the loader leaves such boxes out
 */
export function matchTargets(
  grids: readonly AnchorGrid[],
  targets: readonly Target[],
  classes: number,
  config: AssignConfig,
  cells?: readonly (readonly Cells[])[],
): Matches {
  const count = grids.reduce((sum, { boxes }) => sum + boxes.length / 4, 0);
  const weights = new Float32Array(targets.length * count).fill(1);
  const positives: number[] = [];
  const labels: number[] = [];
  const deltas: number[] = [];
  const delta = new Float32Array(4);
  let normalizer = 0;
  for (const [n, { boxes, labels: classOf }] of targets.entries()) {
    checkTarget(targets[n], n, classes);
    const own = assign(grids, boxes, config, cells?.[n]);
    const weightsOfOne = weights.subarray(n * count, (n + 1) * count);
    for (const anchor of own.ignored) weightsOfOne[anchor] = 0;
    if (cells) leaveOut(weightsOfOne, grids, cells[n]);
    for (const [i, anchor] of own.positives.entries()) {
      positives.push(n * count + anchor);
      labels.push(classOf[own.objects[i]]);
      const [grid, index] = onGrid(grids, anchor);
      encodeDelta(grid.boxes, index, boxes, own.objects[i], delta, 0);
      deltas.push(...delta);
    }
    normalizer += Math.max(1, own.positives.length);
  }
  return {
    weights,
    positives: Int32Array.from(positives),
    labels: Int32Array.from(labels),
    deltas: Float32Array.from(deltas),
    normalizer,
  };
}

/** Weight 0 for the anchors of one picture outside its cells. */
function leaveOut(weights: Float32Array, grids: readonly AnchorGrid[], cells: readonly Cells[]): void {
  let row = 0;
  for (const [level, { height, width, base }] of grids.entries())
    for (let y = 0; y < height; y++) {
      const perCell = base.length / 4;
      const inside = y < cells[level].height ? cells[level].width : 0;
      weights.fill(0, row + inside * perCell, row + width * perCell);
      row += width * perCell;
    }
}
