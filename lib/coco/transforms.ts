/**
 * From a picture to the network's input, in mmdet's order: resize, flip, normalise, pad with zeros.
 * Boxes follow. Pure arithmetic, no tensors: it runs in the loader's worker threads.
 */
import type { Normalization, Origin, Target } from '../data/types';
import { viewOf, type Augmentation, type Drawn } from './augmentation';
import type { Picture } from './image';
import type { InputSize } from './input-size';
import { clipped, hasArea, isTrainedOn, type Corners } from './training-boxes';
import type { CocoAnnotation, CocoImage } from './types';

/** ImageNet's statistics, as mmdet and torchvision use them. */
export const IMAGENET: Normalization = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };

/** What `fill` looks up: (value - mean) / std for every channel and byte, [3 * 256] float32. */
export function normalizationTable({ mean, std }: Normalization): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 768 }, (_, i) => f(f((i & 255) - f(mean[i >> 8])) / f(std[i >> 8])));
}

/**
 * Writes a picture, R, G, B, normalised and mirrored if `flip`, into the upper left of one zeroed
 * input of `width` columns at `offset` of `inputs`, its channels in `order`.
 */
export function fill(
  inputs: Float32Array,
  offset: number,
  width: number,
  picture: Picture,
  flip: boolean,
  table: Float32Array,
  order: Normalization['order'] = 'rgb',
): void {
  const { data } = picture;
  const step = flip ? -3 : 3;
  const [first, last] = order === 'bgr' ? [2, 0] : [0, 2];
  for (let y = 0, i = 0; y < picture.height; y++) {
    let o = offset + y * width * 3;
    let s = flip ? i + (picture.width - 1) * 3 : i;
    for (let x = 0; x < picture.width; x++) {
      inputs[o++] = table[data[s + first]];
      inputs[o++] = table[256 + data[s + 1]];
      inputs[o++] = table[512 + data[s + last]];
      s += step;
    }
    i += picture.width * 3;
  }
}

/**
 * Where an input came from.
 * @param drawn what was drawn for it by `augmentation`
 */
export function originOf(
  image: CocoImage,
  size: InputSize,
  flipped: boolean,
  augmentation?: Augmentation,
  drawn?: Drawn,
): Origin {
  const { width, height, id } = image;
  const { kept, part, place, input } = viewOf(image, size, augmentation, drawn);
  const [stretchX, stretchY] = [place.width / part.width, place.height / part.height];
  const [scaleX, scaleY] = [(kept.width / width) * stretchX, (kept.height / height) * stretchY];
  const origin = { id, width, height, scaleX, scaleY, inputWidth: input.width, inputHeight: input.height, flipped };
  if (!augmentation) return origin;
  const shift = { x: place.x - part.x * stretchX, y: place.y - part.y * stretchY };
  const shown = [place.x, place.y, place.x + place.width, place.y + place.height] as const;
  return { ...origin, augmented: { shift, shown } };
}

/**
 * Annotations as boxes and class indices in input pixels, clipped to what is shown of the picture;
 * what is not trained on (training-boxes.ts) is left out. `classOf` maps a category id to its class
 * index.
 */
export function targetOf(
  annotations: readonly CocoAnnotation[],
  origin: Origin,
  classOf: ReadonlyMap<number, number>,
): Target {
  const boxes: number[] = [];
  const labels: number[] = [];
  for (const annotation of annotations) {
    if (!isTrainedOn(annotation, origin)) continue;
    const seen = visible(annotation.bbox, origin);
    if (!seen) continue;
    const [left, top, right, bottom] = seen;
    const [x1, x2] = origin.flipped ? [origin.inputWidth - right, origin.inputWidth - left] : [left, right];
    const box = [x1, top, x2, bottom];
    if (!hasArea(box)) continue;
    boxes.push(...box);
    labels.push(classOf.get(annotation.category_id) as number);
  }
  return { boxes: Float32Array.from(boxes), labels: Int32Array.from(labels) };
}

/**
 * The part of a box [x, y, width, height] of the original picture that is shown, in input pixels
 * before mirroring. Of a picture that is cut, a box is seen where its centre is and at least one
 * original pixel is left of both sides.
 */
function visible(bbox: CocoAnnotation['bbox'], origin: Origin): Corners | undefined {
  const { scaleX, scaleY, inputWidth, inputHeight, augmented } = origin;
  const shift = augmented?.shift ?? { x: 0, y: 0 };
  const [left, top, right, bottom] = augmented?.shown ?? [0, 0, inputWidth, inputHeight];
  const between = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
  const x = (value: number): number => between(value * scaleX + shift.x, left, right);
  const y = (value: number): number => between(value * scaleY + shift.y, top, bottom);
  const [x1, y1, x2, y2] = augmented ? clipped(bbox, origin) : [bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]];
  const seen: Corners = [x(x1), y(y1), x(x2), y(y2)];
  if (!augmented) return seen;
  const centre = [((x1 + x2) / 2) * scaleX + shift.x, ((y1 + y2) / 2) * scaleY + shift.y];
  const isInside = left <= centre[0] && centre[0] < right && top <= centre[1] && centre[1] < bottom;
  const isWide = seen[2] - seen[0] >= scaleX && seen[3] - seen[1] >= scaleY;
  return isInside && isWide ? seen : undefined;
}
