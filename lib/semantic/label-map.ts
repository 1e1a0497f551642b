/** Label maps follow their pictures: resized without mixing classes, cut, mirrored, padded with `IGNORED`. */
import type { Size } from '../coco/input-size';
import { IGNORED, type LabelMap } from '../data/label-map';

/**
 * Equal to `cv2.resize(..., INTER_NEAREST)`: a pixel takes the label at floor(position * from / to),
 * which lies up to half a pixel left of and above where bilinear resizing of the picture looks.
 */
export function resizeNearest(map: LabelMap, width: number, height: number): LabelMap {
  if (map.width === width && map.height === height) return map;
  const source = (from: number, to: number): number[] => {
    const scale = 1 / (to / from); // in this order, for its rounding
    return Array.from({ length: to }, (_, i) => Math.min(Math.floor(i * scale), from - 1));
  };
  const [columns, rows] = [source(map.width, width), source(map.height, height)];
  const labels = new Uint8Array(width * height);
  for (let y = 0, o = 0; y < height; y++) {
    const start = rows[y] * map.width;
    for (let x = 0; x < width; x++) labels[o++] = map.labels[start + columns[x]];
  }
  return { width, height, labels };
}

/** Writes the part of a map from `corner` on, mirrored if `flip`, into the upper left of `size` pixels of IGNORED. */
export function placeLabels(
  map: LabelMap,
  corner: { x: number; y: number },
  part: Size,
  flip: boolean,
  { width, height }: Size,
): LabelMap {
  const labels = new Uint8Array(width * height).fill(IGNORED);
  for (let y = 0; y < part.height; y++) {
    const start = (corner.y + y) * map.width + corner.x;
    const row = map.labels.slice(start, start + part.width);
    labels.set(flip ? row.reverse() : row, y * width);
  }
  return { width, height, labels };
}
