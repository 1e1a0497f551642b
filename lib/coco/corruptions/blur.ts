/** COCO-C's blurs: out of focus, through frosted glass, by motion, by zooming. */
import type { Random } from '../../core/random';
import type { Picture } from '../image';
import {
  gaussianFilter,
  emptyField,
  motionBlur as blurAlong,
  toField,
  toPicture,
  zoomMiddle,
  type Field,
} from './field';

interface Tap {
  dx: number;
  dy: number;
  weight: number;
}

/** The mean over a disc with a soft edge. */
export function defocusBlur(picture: Picture, severity: number): Picture {
  const [radius, soften] = [[3, 0.1], [4, 0.5], [6, 0.5], [8, 0.5], [10, 0.5]][severity - 1];
  return toPicture(convolve(toField(picture), disc(radius, soften)));
}

/**
 * A disc of total 1, blurred by 3 x 3 (radius above 8: 5 x 5) pixels in a window of at least 17 x
 * 17 that loses what leaves it.
 */
function disc(radius: number, soften: number): Tap[] {
  const reach = Math.max(8, radius);
  const side = 2 * reach + 1;
  const spread = radius <= 8 ? 1 : 2;
  const inside = Float64Array.from({ length: side * side }, (_, i) =>
    ((i % side) - reach) ** 2 + (Math.floor(i / side) - reach) ** 2 <= radius ** 2 ? 1 : 0,
  );
  const area = inside.reduce((a, b) => a + b);
  const bell = Array.from({ length: 2 * spread + 1 }, (_, i) => Math.exp(-((i - spread) ** 2) / (2 * soften ** 2)));
  const total = bell.reduce((a, b) => a + b);
  const taps: Tap[] = [];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let j = -spread; j <= spread; j++)
        for (let i = -spread; i <= spread; i++)
          sum += bell[j + spread] * bell[i + spread] * inside[mirror(y + j, side) * side + mirror(x + i, side)];
      // Float32, as there: it decides whether white stays white
      const weight = Math.fround(sum / (total * total * area));
      if (weight > 1e-9) taps.push({ dx: x - reach, dy: y - reach, weight });
    }
  }
  return taps;
}

/**
 * The position for `i` on a border that is mirrored without repeating its pixel (OpenCV's
 * BORDER_REFLECT_101).
 */
function mirror(i: number, n: number): number {
  return n - 1 - Math.abs(n - 1 - Math.abs(i));
}

/** `cv2.filter2D`. */
function convolve(field: Field, taps: readonly Tap[]): Field {
  const { width, height, channels } = field;
  const reach = Math.max(...taps.map(({ dx }) => dx));
  const wide = (width + 2 * reach) * channels;
  const padded = new Float64Array(wide * (height + 2 * reach));
  for (let y = 0, o = 0; y < height + 2 * reach; y++) {
    const row = mirror(y - reach, height) * width;
    for (let x = 0; x < width + 2 * reach; x++) {
      const from = (row + mirror(x - reach, width)) * channels;
      for (let c = 0; c < channels; c++) padded[o++] = field.data[from + c];
    }
  }
  const result = emptyField(width, height, channels);
  const line = width * channels;
  for (let y = 0; y < height; y++) {
    for (const { dx, dy, weight } of taps) {
      const from = (y + reach + dy) * wide + (reach + dx) * channels;
      for (let i = 0; i < line; i++) result.data[y * line + i] += weight * padded[from + i];
    }
  }
  return result;
}

/**
 * Blurs, takes every pixel from a random neighbour, blurs again. The reference means to swap the
 * two, but the first assignment of its swap overwrites what the second one reads: pixels are
 * copied, and so they are here.
 */
export function glassBlur(picture: Picture, severity: number, random: Random): Picture {
  const [sigma, reach, rounds] = [[0.7, 1, 2], [0.9, 2, 1], [1, 2, 3], [1.1, 3, 2], [1.5, 4, 2]][severity - 1];
  const { width, height } = picture;
  const blurred = (field: Field): Picture => toPicture(gaussianFilter(field, [sigma, sigma], 4, 'nearest'));
  const moved = blurred(toField(picture));
  for (let round = 0; round < rounds; round++) {
    for (let y = height - reach; y > reach; y--) {
      for (let x = width - reach; x > reach; x--) {
        const dx = random.int(2 * reach) - reach;
        const dy = random.int(2 * reach) - reach;
        const from = ((y + dy) * width + x + dx) * 3;
        moved.data.copyWithin((y * width + x) * 3, from, from + 3);
      }
    }
  }
  return blurred(toField(moved));
}

/** A fading trace at a random angle within 45 degrees of the horizontal. */
export function motionBlur(picture: Picture, severity: number, random: Random): Picture {
  const [radius, sigma] = [[10, 3], [15, 5], [15, 8], [15, 12], [20, 15]][severity - 1];
  const { width, height, data } = blurAlong(
    { ...picture, channels: 3, data: new Float64Array(picture.data) },
    radius,
    sigma,
    random.uniform(-45, 45),
  );
  return { width, height, data: new Uint8Array(data.map((value) => Math.min(value, 255))) };
}

/** The mean of the picture and of ever larger magnifications of its middle. */
export function zoomBlur(picture: Picture, severity: number): Picture {
  const [end, step] = [[1.11, 0.01], [1.16, 0.01], [1.21, 0.02], [1.26, 0.02], [1.31, 0.03]][severity - 1];
  const count = Math.ceil((end - 1) / step);
  const field = toField(picture);
  const { width, height } = field;
  const sum = toField(picture);
  for (let i = 0; i < count; i++) {
    const layer = zoomMiddle(field, 1 + i * (1 + step - 1)); // NumPy's rounding of arange
    for (let y = 0; y < Math.min(height, layer.height); y++)
      for (let x = 0; x < 3 * Math.min(width, layer.width); x++)
        sum.data[y * width * 3 + x] += layer.data[y * layer.width * 3 + x];
  }
  return toPicture({ ...sum, data: sum.data.map((value) => value / (count + 1)) });
}
