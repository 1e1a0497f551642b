/** The size at which a network reads pictures. */

/**
 * A fixed size, or the largest of the same proportions whose sides fit: mmdet's (1333, 800) is `{
 * longSide: 1333, shortSide: 800 }`.
 */
export type InputSize = { width: number; height: number } | { longSide: number; shortSide: number };

export interface Size {
  width: number;
  height: number;
}

/**
 * Size of a picture after resizing: mmcv's `rescale_size` (both limits kept, sides rounded half
 * up), or the fixed size.
 */
export function inputSize({ width, height }: Size, size: InputSize): Size {
  if ('width' in size) return { width: size.width, height: size.height };
  const scale = Math.min(size.longSide / Math.max(width, height), size.shortSide / Math.min(width, height));
  return { width: Math.max(1, Math.floor(width * scale + 0.5)), height: Math.max(1, Math.floor(height * scale + 0.5)) };
}

/** What the sides of an input are multiples of. */
export const PAD_MULTIPLE = 32;

/** The smallest size that holds all `sizes` and whose sides are multiples of `multiple`. */
export function paddedSize(sizes: readonly Size[], multiple: number): Size {
  const round = (sides: number[]): number => Math.ceil(Math.max(...sides) / multiple) * multiple;
  return { width: round(sizes.map(({ width }) => width)), height: round(sizes.map(({ height }) => height)) };
}
