/**
 * Bilinear resizing equal to `cv2.resize(..., INTER_LINEAR)` on uint8 to the last bit: pixel
 * centres at half integers, weights of 11 bits, the same truncations in the vertical pass, and its
 * switch to averaging 2x2 pixels where both sides halve exactly.
 *
 * Each output pixel looks at four input pixels only, so strong shrinking aliases; `resizeAntialias`
 * of resize-antialias.ts looks at all of them. Nothing here needs Node: the live page resizes by it too.
 */
import { roundEven } from '../core/round-even';
import type { Picture } from './image';

const ONE = 2048; // weights have 11 bits

/**
 * For each of `to` positions along a side of `from` pixels: the two source indices and their
 * weights.
 */
function taps(
  from: number,
  to: number,
): { low: Int32Array; high: Int32Array; lowWeight: Int32Array; highWeight: Int32Array } {
  const [low, high, lowWeight, highWeight] = [0, 1, 2, 3].map(() => new Int32Array(to));
  const scale = 1 / (to / from); // in this order, for its rounding
  for (let i = 0; i < to; i++) {
    const position = Math.fround((i + 0.5) * scale - 0.5);
    const first = Math.floor(position);
    const fraction = Math.fround(position - first);
    low[i] = Math.min(Math.max(first, 0), from - 1);
    high[i] = Math.min(Math.max(first + 1, 0), from - 1);
    lowWeight[i] = roundEven(Math.fround(1 - fraction) * ONE);
    highWeight[i] = roundEven(fraction * ONE);
  }
  return { low, high, lowWeight, highWeight };
}

/** [h, w, 3] -> [height, width, 3]; the picture itself when the size does not change. */
export function resizeBilinear(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture;
  if (picture.width === 2 * width && picture.height === 2 * height) return halve(picture);
  const data = new Uint8Array(width * height * 3);
  const columns = taps(picture.width, width);
  const rows = taps(picture.height, height);

  // Two horizontally resized source rows are kept; `held` says which.
  const buffers = [new Int32Array(width * 3), new Int32Array(width * 3)];
  const held = [-1, -1];
  const stretch = (row: number, other: number): Int32Array => {
    const found = held.indexOf(row);
    if (found >= 0) return buffers[found];
    const slot = held[0] === other ? 1 : 0;
    held[slot] = row;
    const source = picture.data;
    const start = row * picture.width * 3;
    const buffer = buffers[slot];
    for (let x = 0, o = 0; x < width; x++) {
      const a = start + columns.low[x] * 3;
      const b = start + columns.high[x] * 3;
      const wa = columns.lowWeight[x];
      const wb = columns.highWeight[x];
      buffer[o++] = (source[a] * wa + source[b] * wb) >> 4;
      buffer[o++] = (source[a + 1] * wa + source[b + 1] * wb) >> 4;
      buffer[o++] = (source[a + 2] * wa + source[b + 2] * wb) >> 4;
    }
    return buffer;
  };
  for (let y = 0, o = 0; y < height; y++) {
    const upper = stretch(rows.low[y], rows.high[y]);
    const lower = stretch(rows.high[y], rows.low[y]);
    const wu = rows.lowWeight[y];
    const wl = rows.highWeight[y];
    for (let i = 0; i < upper.length; i++) data[o++] = (((wu * upper[i]) >> 16) + ((wl * lower[i]) >> 16) + 2) >> 2;
  }
  return { width, height, data };
}

/** Means of 2x2 pixels. */
function halve({ width: fullWidth, data: source, ...full }: Picture): Picture {
  const [width, height] = [fullWidth / 2, full.height / 2];
  const data = new Uint8Array(width * height * 3);
  const down = fullWidth * 3;
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const start = 2 * y * down + 6 * x;
      for (let i = start; i < start + 3; i++)
        data[o++] = (source[i] + source[i + 3] + source[i + down] + source[i + down + 3] + 2) >> 2;
    }
  }
  return { width, height, data };
}
