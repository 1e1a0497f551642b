/**
 * 1/f colour noise, the texture statistics of natural pictures: white noise in the frequency plane,
 * its amplitude divided by a power of the spatial frequency, brought back by an inverse
 * two-dimensional FFT.
 */
import type { Random } from '../core/random';

/**
 * A [size, size, 3] picture in 0..255 (not clamped): a random mean colour, a shared brightness
 * texture and weaker colour textures. The amplitude falls as 1 / f^a, a drawn from 0.8 to 1.4;
 * contrast drawn from 15 to 45 grey levels.
 */
export function colourNoise(size: number, random: Random): Float32Array {
  const exponent = random.uniform(0.8, 1.4);
  const contrast = random.uniform(15, 45);
  const colourfulness = random.uniform(0.1, 0.6);
  const mean = [random.uniform(50, 205), random.uniform(50, 205), random.uniform(50, 205)];
  const [light, first] = fieldPair(size, exponent, random);
  const [second, third] = fieldPair(size, exponent, random);
  const tints = [first, second, third];
  const picture = new Float32Array(size * size * 3); // [H, W, 3]
  for (let i = 0; i < size * size; i++) {
    for (let c = 0; c < 3; c++) {
      picture[i * 3 + c] = mean[c] + contrast * ((1 - colourfulness) * light[i] + colourfulness * tints[c][i]);
    }
  }
  return picture;
}

/**
 * Two independent real fields [size, size] of mean 0 and deviation 1: the real and the imaginary
 * part of the inverse transform of one complex spectrum without symmetry. Computed on the next
 * power of two and cropped.
 */
export function fieldPair(size: number, exponent: number, random: Random): [Float32Array, Float32Array] {
  let side = 1;
  while (side < size) side *= 2;
  const real = new Float64Array(side * side);
  const imaginary = new Float64Array(side * side);
  const half = side / 2 + 1;
  const amplitudes = new Float64Array(half * half); // of frequencies 0..side/2, which both signs share
  for (let i = 1; i < amplitudes.length; i++)
    amplitudes[i] = (Math.floor(i / half) ** 2 + (i % half) ** 2) ** (-exponent / 2);
  for (let v = 0; v < side; v++) {
    const row = Math.min(v, side - v) * half;
    for (let u = 0; u < side; u++) {
      const amplitude = amplitudes[row + Math.min(u, side - u)];
      real[v * side + u] = amplitude * (2 * random.next() - 1);
      imaginary[v * side + u] = amplitude * (2 * random.next() - 1);
    }
  }
  for (let pass = 0; pass < 2; pass++) {
    for (let row = 0; row < side; row++) fft(real, imaginary, row * side, side);
    transpose(real, side);
    transpose(imaginary, side);
  }
  return [standardise(real, side, size), standardise(imaginary, side, size)];
}

/** The top left [size, size] of a [side, side] field, shifted and scaled to mean 0 and deviation 1. */
function standardise(field: Float64Array, side: number, size: number): Float32Array {
  let sum = 0;
  let squares = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const value = field[y * side + x];
      sum += value;
      squares += value * value;
    }
  }
  const mean = sum / (size * size);
  const deviation = Math.sqrt(Math.max(squares / (size * size) - mean * mean, 1e-12));
  const result = new Float32Array(size * size); // [size, size]
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) result[y * size + x] = (field[y * side + x] - mean) / deviation;
  }
  return result;
}

/**
 * In-place radix-2 transform (Cooley-Tukey) of the `n` numbers from `start` on; `n` is a power of
 * two. The sign of the exponent is positive (the inverse transform without its 1/n).
 */
export function fft(real: Float64Array, imaginary: Float64Array, start: number, n: number): void {
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      swap(real, start + i, start + j);
      swap(imaginary, start + i, start + j);
    }
  }
  const { cosine, sine } = twiddles(n);
  for (let half = 1; half < n; half *= 2) {
    const step = n / (2 * half);
    for (let k = 0; k < half; k++) {
      const wr = cosine[k * step];
      const wi = sine[k * step];
      for (let i = k; i < n; i += 2 * half) {
        const a = start + i;
        const b = a + half;
        const tr = real[b] * wr - imaginary[b] * wi;
        const ti = real[b] * wi + imaginary[b] * wr;
        real[b] = real[a] - tr;
        imaginary[b] = imaginary[a] - ti;
        real[a] += tr;
        imaginary[a] += ti;
      }
    }
  }
}

/** Transposes [side, side] in place. */
function transpose(field: Float64Array, side: number): void {
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < y; x++) swap(field, y * side + x, x * side + y);
  }
}

function swap(values: Float64Array, a: number, b: number): void {
  const value = values[a];
  values[a] = values[b];
  values[b] = value;
}

interface Twiddles {
  cosine: Float64Array;
  sine: Float64Array;
}

const tables = new Map<number, Twiddles>();

/** cos and sin of 2 pi k / n for k < n / 2, computed once for each n. */
function twiddles(n: number): Twiddles {
  let table = tables.get(n);
  if (table === undefined) {
    const angles = Float64Array.from({ length: n / 2 }, (_, k) => (2 * Math.PI * k) / n);
    table = { cosine: angles.map(Math.cos), sine: angles.map(Math.sin) };
    tables.set(n, table);
  }
  return table;
}
