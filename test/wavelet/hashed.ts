/** Numbers that test/golden/wavelet.py makes too, and the projections it stores. */
import { tf, type Tensor4D } from '../../lib/dist/tf';
import type { WaveletDecomposition } from '../../lib/dist/wavelet/transform';

/** A tensor of numbers in [-1, 1) by an integer hash of position and seed. */
export function hashed(shape: [number, number, number, number], seed: number): Tensor4D {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => {
    let h = (Math.imul(i + 1, 2654435761) + Math.imul(seed, 374761393)) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 2246822519) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 3266489917) >>> 0;
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
  return tf.tensor4d(data, shape);
}

/** All bands in PyWavelets' order. */
export function bandsOf({ approximation, details }: WaveletDecomposition): Tensor4D[] {
  return [approximation, ...details.flatMap(({ horizontal, vertical, diagonal }) => [horizontal, vertical, diagonal])];
}

/** The decomposition that has these bands. */
export function decompositionOf([approximation, ...bands]: Tensor4D[]): WaveletDecomposition {
  const level = bands.length / 3;
  const details = Array.from({ length: level }, (_, i) => {
    const [horizontal, vertical, diagonal] = bands.slice(3 * i, 3 * i + 3);
    return { level: level - i, horizontal, vertical, diagonal };
  });
  return { approximation, details };
}

/** Sum of x times hashed numbers, in float64. */
export function projection(x: Tensor4D, seed: number): number {
  const weights = hashed(x.shape, seed).dataSync();
  return (x.dataSync() as Float32Array).reduce((sum, value, i) => sum + value * weights[i], 0);
}

/** Inner product of two lists of tensors, in float64. */
export function dot(a: Tensor4D[], b: Tensor4D[]): number {
  return a.reduce((total, x, i) => {
    const y = b[i].dataSync();
    return total + (x.dataSync() as Float32Array).reduce((sum, value, k) => sum + value * y[k], 0);
  }, 0);
}

/** The largest absolute value of all tensors. */
export function largest(...tensors: Tensor4D[]): number {
  return Math.max(...tensors.map((x) => x.abs().max().dataSync()[0]));
}
