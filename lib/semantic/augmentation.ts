/**
 * Random changes of training pictures with their label maps, in mmsegmentation's order: resize by a
 * random ratio, crop, mirror, distort colours, pad. What is drawn depends on no pixel; where the
 * crop then lies depends on the label map, for at most a share of it may be of one class.
 */
import { drawColor, type ColorChange, type ColorRanges } from '../coco/color';
import { inputSize, type InputSize, type Size } from '../coco/input-size';
import { colorSchema } from '../coco/schema';
import * as s from '../core/schema';
import type { Random } from '../core/random';
import { IGNORED, type LabelMap } from '../data/label-map';

export interface SemanticAugmentation {
  /** Smallest and largest factor of the loader's size, uniform. */
  ratio: readonly [number, number];
  /** The input's size; what a smaller picture leaves of it is 0 and taught nothing. */
  crop: Size;
  /** A crop with a larger share of one class, of its labelled pixels, is drawn anew. 1 for any. */
  categoryLimit: number;
  color?: ColorRanges;
}

/** mmsegmentation's for Cityscapes; its hue is turned by 18 of 180 steps, which are 36 degrees. */
export const cityscapesAugmentation: SemanticAugmentation = {
  ratio: [0.5, 2],
  crop: { width: 512, height: 512 },
  categoryLimit: 0.75,
  color: { brightness: 32, contrast: [0.5, 1.5], saturation: [0.5, 1.5], hue: 36 },
};

export const semanticAugmentationSchema: s.Schema<SemanticAugmentation> = s.fields({
  ratio: s.range(0.1, 10),
  crop: s.fields({ width: s.whole(8, 8192), height: s.whole(8, 8192) }),
  categoryLimit: s.real(0, 1),
  color: s.optional(colorSchema),
});

/** What is drawn for one picture in one epoch. */
export interface SemanticDrawn {
  ratio: number;
  /** Places of crops, each from 0 (left, upper) to below 1, of which the first good one is taken. */
  places: [number, number][];
  color?: ColorChange;
}

/** Crops of a picture that are looked at; the last is taken as it is. */
const TRIES = 11;

export function drawSemantic({ ratio: [low, high], color }: SemanticAugmentation, random: Random): SemanticDrawn {
  const places = random.fork('crop');
  return {
    ratio: random.fork('ratio').uniform(low, high),
    places: Array.from({ length: TRIES }, (): [number, number] => [places.next(), places.next()]),
    ...(color && { color: drawColor(color, random.fork('color')) }),
  };
}

/** The size of a picture whose loader's size is multiplied by `ratio`: whole limits, as mmcv's. */
export function resizedSize(image: Size, size: InputSize, ratio: number): Size {
  const times = (side: number): number => Math.max(1, Math.floor(side * ratio));
  return 'width' in size
    ? { width: times(size.width), height: times(size.height) }
    : inputSize(image, { longSide: times(size.longSide), shortSide: times(size.shortSide) });
}

/** Left upper corner of the crop of a resized picture. */
export function chooseCrop(
  map: LabelMap,
  { crop, categoryLimit }: SemanticAugmentation,
  { places }: SemanticDrawn,
): { x: number; y: number } {
  const corners = places.map(([across, down]) => ({
    x: Math.floor(across * (Math.max(map.width - crop.width, 0) + 1)),
    y: Math.floor(down * (Math.max(map.height - crop.height, 0) + 1)),
  }));
  if (categoryLimit >= 1) return corners[0];
  return corners.find((corner) => isMixed(map, corner, crop, categoryLimit)) ?? corners[corners.length - 1];
}

/** Whether a crop shows classes of which none has the share `limit` or more. */
function isMixed(map: LabelMap, corner: { x: number; y: number }, crop: Size, limit: number): boolean {
  const { width, height, labels } = map;
  const counts = new Float64Array(256);
  for (let y = corner.y; y < Math.min(corner.y + crop.height, height); y++)
    for (let x = corner.x; x < Math.min(corner.x + crop.width, width); x++) counts[labels[y * width + x]]++;
  counts[IGNORED] = 0;
  const all = counts.reduce((sum, n) => sum + n, 0);
  return Math.max(...counts) < limit * all;
}
