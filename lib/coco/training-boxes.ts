/** Which boxes are trained on, by mmdetection's rule, and what is left of one at the edge. */
import type { CocoAnnotation } from './types';

interface Size {
  width: number;
  height: number;
}

/** x1, y1, x2, y2. */
export type Corners = [number, number, number, number];

/** The part of a box [x, y, width, height] that lies in the picture. */
export function clipped([x, y, w, h]: CocoAnnotation['bbox'], { width, height }: Size): Corners {
  const between = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  return [between(x, width), between(y, height), between(x + w, width), between(y + h, height)];
}

/** Whether a box still has an area in float32, in which networks and targets know it. */
export function hasArea([x1, y1, x2, y2]: ArrayLike<number> & Iterable<number>): boolean {
  return Math.fround(x2) > Math.fround(x1) && Math.fround(y2) > Math.fround(y1);
}

/**
 * Whether an annotation is an object to learn: as in mmdetection's CocoDataset not if it is marked
 * `ignore`, lies outside its picture, has no area, or is less than a pixel wide or high as written.
 * Crowd regions are none either. Evaluation takes no notice of this rule.
 */
export function isTrainedOn({ bbox, area, iscrowd, ignore }: CocoAnnotation, picture: Size): boolean {
  return iscrowd === 0 && !ignore && area > 0 && bbox[2] >= 1 && bbox[3] >= 1 && hasArea(clipped(bbox, picture));
}
