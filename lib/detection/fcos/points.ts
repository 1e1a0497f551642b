/**
 * FCOS's points (Tian et al., arXiv 1904.01355): one at every position of every pyramid level, in
 * its middle as mmdet's `AnchorFreeHead.get_points` places them, or in its corner as torchvision.
 */

/** The points of one pyramid level, row by row. */
export interface PointGrid {
  height: number;
  width: number;
  /** Input pixels from one point to the next. */
  stride: number;
  /** x and y of the first point, in input pixels. */
  first: number;
  /** Number of points of the finer levels: the index of the first one among those of all levels. */
  start: number;
}

export type PointPlace = 'middle' | 'corner';

/**
 * @param sizes height and width of each level, finest first
 * @param strides of the levels
 */
export function pointGrids(
  sizes: readonly (readonly [number, number])[],
  strides: readonly number[],
  place: PointPlace = 'middle',
): PointGrid[] {
  let start = 0;
  return sizes.map(([height, width], level) => {
    const grid = { height, width, stride: strides[level], first: place === 'middle' ? strides[level] >> 1 : 0, start };
    start += height * width;
    return grid;
  });
}

/** The number of points of all levels. */
export function pointCount(grids: readonly PointGrid[]): number {
  return grids.reduce((sum, { height, width }) => sum + height * width, 0);
}
