/**
 * From a picture to the network's input, in mmdet's order: resize, flip, normalise, pad with zeros.
 * Boxes follow. Pure arithmetic, no tensors: it runs in the loader's worker threads.
 */
import type { Normalization, Origin, Target } from '../data/types';
import type { Picture } from './image';
import { hasArea, isTrainedOn } from './training-boxes';
import type { CocoAnnotation, CocoImage } from './types';

/**
 * A fixed size, or the largest of the same proportions whose sides fit: mmdet's (1333, 800) is `{
 * longSide: 1333, shortSide: 800 }`.
 */
export type InputSize = { width: number; height: number } | { longSide: number; shortSide: number };

export interface Size {
  width: number;
  height: number;
}

/** ImageNet's statistics, as mmdet and torchvision use them. */
export const IMAGENET: Normalization = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };

/**
 * Size of a picture after resizing: mmcv's `rescale_size` (both limits kept, sides rounded half
 * up), or the fixed size.
 */
export function inputSize({ width, height }: Size, size: InputSize): Size {
  if ('width' in size) return { width: size.width, height: size.height };
  const scale = Math.min(size.longSide / Math.max(width, height), size.shortSide / Math.min(width, height));
  return { width: Math.max(1, Math.floor(width * scale + 0.5)), height: Math.max(1, Math.floor(height * scale + 0.5)) };
}

/** The smallest size that holds all `sizes` and whose sides are multiples of `multiple`. */
export function paddedSize(sizes: readonly Size[], multiple: number): Size {
  const round = (sides: number[]): number => Math.ceil(Math.max(...sides) / multiple) * multiple;
  return { width: round(sizes.map(({ width }) => width)), height: round(sizes.map(({ height }) => height)) };
}

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

/** Where an input came from. */
export function originOf(image: CocoImage, size: InputSize, flipped: boolean): Origin {
  const { width, height, id } = image;
  const input = inputSize(image, size);
  const [scaleX, scaleY] = [input.width / width, input.height / height];
  return { id, width, height, scaleX, scaleY, inputWidth: input.width, inputHeight: input.height, flipped };
}

/**
 * Annotations as boxes and class indices in input pixels, clipped to the picture; what is not
 * trained on (training-boxes.ts) is left out. `classOf` maps a category id to its class index.
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
    const [x, y, w, h] = annotation.bbox;
    const clipX = (value: number): number => Math.min(Math.max(value * origin.scaleX, 0), origin.inputWidth);
    const clipY = (value: number): number => Math.min(Math.max(value * origin.scaleY, 0), origin.inputHeight);
    const [left, right] = [clipX(x), clipX(x + w)];
    const [x1, x2] = origin.flipped ? [origin.inputWidth - right, origin.inputWidth - left] : [left, right];
    const box = [x1, clipY(y), x2, clipY(y + h)];
    if (!hasArea(box)) continue;
    boxes.push(...box);
    labels.push(classOf.get(annotation.category_id) as number);
  }
  return { boxes: Float32Array.from(boxes), labels: Int32Array.from(labels) };
}
