/**
 * Pictures as real numbers, and the filters that several corruptions share, each equal to the one
 * named.
 */
import { roundEven } from '../../core/round-even';
import type { Picture } from '../image';

/** [height, width, channels] float64, interleaved. */
export interface Field {
  width: number;
  height: number;
  channels: number;
  data: Float64Array;
}

/** Where a filter looks outside: at the border pixel, or at the mirror image that repeats it. */
export type Border = 'nearest' | 'reflect';

export function emptyField(width: number, height: number, channels: number): Field {
  return { width, height, channels, data: new Float64Array(width * height * channels) };
}

/** A picture in the scale 0..1. */
export function toField({ width, height, data }: Picture): Field {
  const field = emptyField(width, height, 3);
  for (let i = 0; i < data.length; i++) field.data[i] = data[i] / 255;
  return field;
}

/** Values in 0..1, clipped and cut (not rounded) to bytes, as `np.uint8` does. */
export function toPicture({ width, height, data }: Field): Picture {
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) bytes[i] = Math.min(Math.max(data[i], 0), 1) * 255;
  return { width, height, data: bytes };
}

/**
 * The position inside 0..n-1 that stands for `i` on a border that is mirrored with its pixel
 * repeated.
 */
export function reflect(i: number, n: number): number {
  const inPeriod = ((i % (2 * n)) + 2 * n) % (2 * n);
  return inPeriod < n ? inPeriod : 2 * n - 1 - inPeriod;
}

function clamp(i: number, n: number): number {
  return Math.min(Math.max(i, 0), n - 1);
}

/** `scipy.ndimage.gaussian_filter` of every channel; kernels reach `truncate` deviations far. */
export function gaussianFilter(
  field: Field,
  [sigmaY, sigmaX]: readonly [number, number],
  truncate: number,
  border: Border,
): Field {
  return gaussianAlong(gaussianAlong(field, 'y', sigmaY, truncate, border), 'x', sigmaX, truncate, border);
}

function gaussianAlong(field: Field, axis: 'x' | 'y', sigma: number, truncate: number, border: Border): Field {
  const { width, height, channels, data: source } = field;
  const radius = Math.floor(truncate * sigma + 0.5);
  const raw = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp((-0.5 / (sigma * sigma)) * (i - radius) ** 2),
  );
  const sum = raw.reduce((a, b) => a + b);
  const result = emptyField(width, height, channels);
  const { data } = result;
  // Positions along the axis, values from one to the next
  const [n, line] = axis === 'y' ? [height, width * channels] : [width, channels];
  const places = Int32Array.from(
    { length: n + 2 * radius },
    (_, i) => (border === 'nearest' ? clamp : reflect)(i - radius, n) * line,
  );
  const block = n * line;
  for (let start = 0; start < source.length; start += block) {
    for (let i = 0; i < n; i++) {
      const to = start + i * line;
      for (let k = 0; k < raw.length; k++) {
        const from = start + places[i + k];
        const weight = raw[k] / sum;
        for (let j = 0; j < line; j++) data[to + j] += weight * source[from + j];
      }
    }
  }
  return result;
}

/**
 * `scipy.ndimage.zoom(field, factor, order=1)`: corners stay corners; what rounding puts beyond the
 * last pixel is 0.
 */
export function zoomLinear(field: Field, factor: number): Field {
  const { width, height, channels, data: source } = field;
  const columns = zoomTaps(width, roundEven(width * factor));
  const rows = zoomTaps(height, roundEven(height * factor));
  const result = emptyField(columns.length, rows.length, channels);
  let o = 0;
  for (const row of rows) {
    for (const column of columns) {
      const [upper, lower] = [row.low * width, row.high * width];
      for (let c = 0; c < channels; c++) {
        const top =
          source[(upper + column.low) * channels + c] * column.lowWeight +
          source[(upper + column.high) * channels + c] * column.highWeight;
        const bottom =
          source[(lower + column.low) * channels + c] * column.lowWeight +
          source[(lower + column.high) * channels + c] * column.highWeight;
        result.data[o++] = top * row.lowWeight + bottom * row.highWeight;
      }
    }
  }
  return result;
}

function zoomTaps(from: number, to: number): { low: number; high: number; lowWeight: number; highWeight: number }[] {
  const scale = to > 1 ? (from - 1) / (to - 1) : 1;
  return Array.from({ length: to }, (_, i) => {
    const position = scale * i;
    if (position > from - 1) return { low: 0, high: 0, lowWeight: 0, highWeight: 0 };
    const low = Math.floor(position);
    return { low, high: Math.min(low + 1, from - 1), lowWeight: 1 - (position - low), highWeight: position - low };
  });
}

/**
 * The middle of a field, as much as fills it again when magnified by `factor`, magnified. It may
 * come out a little larger.
 */
export function zoomMiddle(field: Field, factor: number): Field {
  const [width, height] = [Math.ceil(field.width / factor), Math.ceil(field.height / factor)];
  const [left, top] = [(field.width - width) >> 1, (field.height - height) >> 1];
  return zoomLinear(crop(field, left, top, width, height), factor);
}

/** A part of a field. */
export function crop(field: Field, left: number, top: number, width: number, height: number): Field {
  const { channels } = field;
  const result = emptyField(width, height, channels);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * field.width + left) * channels;
    result.data.set(field.data.subarray(start, start + width * channels), y * width * channels);
  }
  return result;
}

/**
 * A trace of 2 radius + 1 copies that fade as half a normal curve and are moved along `angle`
 * (degrees); border pixels go on outside.
 */
export function motionBlur(field: Field, radius: number, sigma: number, angle: number): Field {
  const { width, height, channels, data: source } = field;
  const steps = 2 * radius + 1;
  const raw = Array.from({ length: steps }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)));
  const sum = raw.reduce((a, b) => a + b);
  const radians = angle * (Math.PI / 180);
  const [down, right] = [steps * Math.sin(radians), steps * Math.cos(radians)];
  const length = Math.hypot(down, right);
  const result = emptyField(width, height, channels);
  for (let i = 0; i < steps; i++) {
    const dy = -Math.ceil((i * down) / length - 0.5);
    const dx = -Math.ceil((i * right) / length - 0.5);
    if (Math.abs(dy) >= height || Math.abs(dx) >= width) break;
    const weight = raw[i] / sum;
    const columns = Int32Array.from({ length: width }, (_, x) => clamp(x - dx, width) * channels);
    for (let y = 0, o = 0; y < height; y++) {
      const row = clamp(y - dy, height) * width * channels;
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++) result.data[o++] += weight * source[row + columns[x] + c];
    }
  }
  return result;
}
