/** COCO-C's digital corruptions: less contrast, an elastic sheet, large pixels, JPEG. */
import sharp from 'sharp';
import type { Random } from '../../core/random';
import type { Picture } from '../image';
import { emptyField, gaussianFilter, reflect, toField, toPicture } from './field';

/** Pulls every channel towards its mean. */
export function contrast(picture: Picture, severity: number): Picture {
  const left = [0.4, 0.3, 0.2, 0.1, 0.05][severity - 1];
  const field = toField(picture);
  const pixels = field.data.length / 3;
  for (let c = 0; c < 3; c++) {
    let sum = 0;
    for (let i = c; i < field.data.length; i += 3) sum += field.data[i];
    const mean = sum / pixels;
    for (let i = c; i < field.data.length; i += 3) field.data[i] = (field.data[i] - mean) * left + mean;
  }
  return toPicture(field);
}

/** Moves every pixel by smoothed noise, the further the larger the picture. */
export function elasticTransform(picture: Picture, severity: number, random: Random): Picture {
  const strength = 250 * [0.05, 0.065, 0.085, 0.1, 0.12][severity - 1];
  const { width, height } = picture;
  const most = height * 0.005;
  const shifts = (): Float64Array => {
    const noise = emptyField(width, height, 1);
    for (let i = 0; i < noise.data.length; i++) noise.data[i] = random.uniform(-most, most);
    return gaussianFilter(noise, [height * 0.01, width * 0.01], 3, 'reflect').data.map((value) =>
      Math.fround(value * strength),
    );
  };
  const right = shifts();
  const down = shifts();
  const source = toField(picture);
  const result = emptyField(width, height, 3);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      const [fromX, fromY] = [x + right[p], y + down[p]];
      const [lowX, lowY] = [Math.floor(fromX), Math.floor(fromY)];
      const [tx, ty] = [fromX - lowX, fromY - lowY];
      const [x0, x1] = [reflect(lowX, width) * 3, reflect(lowX + 1, width) * 3];
      const [y0, y1] = [reflect(lowY, height) * width * 3, reflect(lowY + 1, height) * width * 3];
      for (let c = 0; c < 3; c++) {
        const upper = source.data[y0 + x0 + c] * (1 - tx) + source.data[y0 + x1 + c] * tx;
        const lower = source.data[y1 + x0 + c] * (1 - tx) + source.data[y1 + x1 + c] * tx;
        result.data[3 * p + c] = upper * (1 - ty) + lower * ty;
      }
    }
  }
  return toPicture(result);
}

/** Shrinks to means of boxes (Pillow's BOX) and enlarges to the old size (Pillow's NEAREST). */
export function pixelate(picture: Picture, severity: number): Picture {
  const scale = [0.6, 0.5, 0.4, 0.3, 0.25][severity - 1];
  const { width, height } = picture;
  const [smallWidth, smallHeight] = [Math.trunc(width * scale), Math.trunc(height * scale)];
  const narrow = boxAlong(picture.data, { lines: height, from: width, to: smallWidth, line: width * 3, step: 3 });
  const small = boxAlong(narrow, { lines: smallWidth, from: height, to: smallHeight, line: 3, step: smallWidth * 3 });
  const data = new Uint8Array(width * height * 3);
  const columns = nearest(smallWidth, width);
  nearest(smallHeight, height).forEach((row, y) =>
    columns.forEach((column, x) => {
      const from = (row * smallWidth + column) * 3;
      data.set(small.subarray(from, from + 3), (y * width + x) * 3);
    }),
  );
  return { width, height, data };
}

interface Along {
  /** How many lines there are, and values from one to the next. */
  lines: number;
  line: number;
  /** Pixels of a line before and after, and values from one to the next. */
  from: number;
  to: number;
  step: number;
}

/** Means of the pixels whose centres lie in each box, with weights of 22 bits. */
function boxAlong(source: Uint8Array, { lines, line, from, to, step }: Along): Uint8Array {
  const scale = from / to;
  const outLine = line === 3 ? 3 : to * 3;
  const result = new Uint8Array(lines * to * 3);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.floor(centre - scale / 2 + 0.5), 0);
    const last = Math.min(Math.floor(centre + scale / 2 + 0.5), from); // one beyond
    const places = Array.from({ length: last - first }, (_, k) => first + k).filter((place) => {
      const offset = (place - centre + 0.5) / scale;
      return offset > -0.5 && offset <= 0.5;
    });
    const weight = Math.floor(0.5 + 2 ** 22 / places.length);
    for (let l = 0; l < lines; l++) {
      for (let c = 0; c < 3; c++) {
        let sum = 2 ** 21;
        for (const place of places) sum += weight * source[l * line + place * step + c];
        result[l * outLine + i * step + c] = Math.min(Math.floor(sum / 2 ** 22), 255);
      }
    }
  }
  return result;
}

/**
 * The source position of each of `to` pixels, summed up step by step as Pillow does, for its
 * rounding.
 */
function nearest(from: number, to: number): number[] {
  const scale = from / to;
  let position = scale * 0.5;
  return Array.from({ length: to }, () => {
    const place = Math.min(Math.floor(position), from - 1);
    position += scale;
    return place;
  });
}

/**
 * JPEG as Pillow writes it: quantisation tables of the standard, colour at half the resolution, no
 * search for better coefficients.
 */
export async function jpegCompression({ width, height, data }: Picture, severity: number): Promise<Picture> {
  const quality = [25, 18, 15, 10, 7][severity - 1];
  const file = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, chromaSubsampling: '4:2:0', mozjpeg: false })
    .toBuffer();
  return { width, height, data: await sharp(file).raw().toBuffer() };
}
