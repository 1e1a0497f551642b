/**
 * The points of detectors without anchors, one at every position of every pyramid level: in its
 * middle, as mmdet's `AnchorFreeHead.get_points` places FCOS's, or in its corner, as torchvision
 * places those and mmdet's `RepPointsHead.get_points` RepPoints'.
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
 * @param maps of each level, [N, H, W, ...], finest first
 * @param strides of the levels
 */
export function pointGrids(
  maps: readonly { shape: readonly number[] }[],
  strides: readonly number[],
  place: PointPlace = 'middle',
): PointGrid[] {
  let start = 0;
  return maps.map(({ shape: [, height, width] }, level) => {
    const stride = strides[level];
    const grid = { height, width, stride, first: place === 'middle' ? stride >> 1 : 0, start };
    start += height * width;
    return grid;
  });
}

/** The number of points of all levels. */
export function pointCount(grids: readonly PointGrid[]): number {
  return grids.reduce((sum, { height, width }) => sum + height * width, 0);
}
