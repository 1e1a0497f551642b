/**
 * The two-dimensional discrete wavelet transform of every channel of a feature map (xi of the
 * paper's formula 1) and its inverse: names, shapes and values as in PyWavelets, differentiable,
 * the gradient being the exact adjoint.
 *
 * Tensors are [N, H, W, C] float32. A level maps a picture to four bands: approximation, and the
 * details horizontal, vertical and diagonal (PyWavelets' cA, cH, cV, cD). Any size from 1 and any
 * level from 0 works. Without `size` an inverse may have one row or column more than the picture
 * had; `size` crops it.
 */
import { tf, type Tensor4D } from '../tf';
import {
  analysis,
  bandSize,
  multilevelAnalysis,
  multilevelSynthesis,
  pictureSize,
  resolve,
  synthesis,
  type WaveletOptions,
} from './levels';
import { applyLinear, type Size, transposed } from './linear';

// Type aliases and not interfaces, so that `tf.tidy` and `tf.dispose` take them.

/** The details of one level, [N, h, w, C] each; level 1 is the finest. */
export type WaveletDetails = { level: number; horizontal: Tensor4D; vertical: Tensor4D; diagonal: Tensor4D };

/** The four bands of one level, [N, h, w, C] each. */
export type WaveletBands = { approximation: Tensor4D; horizontal: Tensor4D; vertical: Tensor4D; diagonal: Tensor4D };

/** The approximation of the coarsest level, and the details, coarsest level first. */
export type WaveletDecomposition = { approximation: Tensor4D; details: WaveletDetails[] };

/** One level of the transform of x [N, H, W, C]. */
export function dwt2(x: Tensor4D, options: WaveletOptions): WaveletBands {
  const [approximation, horizontal, vertical, diagonal] = applyLinear(analysis(options, sizeOf(x, 'x')), [x]);
  return { approximation, horizontal, vertical, diagonal };
}

/** The inverse of one level: [N, H, W, C] from four bands of equal shape, cropped to `size`. */
export function idwt2(bands: WaveletBands, options: WaveletOptions & { size?: Size }): Tensor4D {
  const { approximation, horizontal, vertical, diagonal } = bands;
  const from = sizeOf(approximation, 'approximation');
  checkShapes({ horizontal, vertical, diagonal }, approximation.shape, 'the approximation');
  const size = croppedSize(pictureSize(options, from), options);
  return applyLinear(synthesis(options, from, size), [approximation, horizontal, vertical, diagonal])[0];
}

/** `level` levels of the transform of x [N, H, W, C]; level 0 is x itself as the approximation. */
export function wavedec2(x: Tensor4D, options: WaveletOptions & { level: number }): WaveletDecomposition {
  resolve(options);
  const { level } = options;
  const [approximation, ...bands] = applyLinear(multilevelAnalysis(options, sizeOf(x, 'x'), level), [x]);
  const details = Array.from({ length: level }, (_, i) => {
    const [horizontal, vertical, diagonal] = bands.slice(3 * i, 3 * i + 3);
    return { level: level - i, horizontal, vertical, diagonal };
  });
  return { approximation, details };
}

/**
 * The inverse of `wavedec2`: [N, H, W, C], cropped to `size`. As in PyWavelets an approximation
 * with one row or column more than the details of its level loses it.
 */
export function waverec2(decomposition: WaveletDecomposition, options: WaveletOptions & { size?: Size }): Tensor4D {
  const { approximation, details } = decomposition;
  resolve(options);
  let current = sizeOf(approximation, 'approximation');
  const from = current;
  const sizes = details.map(({ level, horizontal, vertical, diagonal }) => {
    const size = sizeOf(horizontal, `horizontal of level ${level}`);
    checkShapes({ vertical, diagonal }, horizontal.shape, `horizontal of level ${level}`);
    if (![0, 1].includes(current[0] - size[0]) || ![0, 1].includes(current[1] - size[1])) {
      throw new Error(
        `The details of level ${level} are ${size.join(' x ')}, but the ` +
          `approximation there is ${current.join(' x ')}: ` +
          'it may only be as large, or one row or column larger. Were they made ' +
          'with the same wavelet and mode, coarsest level first?',
      );
    }
    checkShapes(
      { horizontal },
      [approximation.shape[0], ...size, approximation.shape[3]],
      'the approximation in images and channels',
    );
    current = pictureSize(options, size);
    return size;
  });
  const size = croppedSize(current, options);
  return applyLinear(multilevelSynthesis(options, from, sizes, size), coefficients(decomposition))[0];
}

/**
 * The exact adjoint of `wavedec2` on pictures of `size`, <wavedec2(x), d> = <x,
 * wavedec2Adjoint(d)>: it turns the gradients of all coefficients into the gradient of the picture
 * [N, H, W, C]. Differentiable itself.
 */
export function wavedec2Adjoint(
  decomposition: WaveletDecomposition,
  options: WaveletOptions & { size: Size },
): Tensor4D {
  const { approximation, details } = decomposition;
  const [n, , , c] = approximation.shape;
  let size = options.size;
  for (const { level, horizontal, vertical, diagonal } of [...details].reverse()) {
    size = bandSize(options, size);
    checkShapes(
      { horizontal, vertical, diagonal },
      [n, ...size, c],
      `level ${level} of a picture of ${options.size.join(' x ')}`,
    );
  }
  checkShapes(
    { approximation },
    [n, ...size, c],
    `${details.length} levels of a picture of ${options.size.join(' x ')}`,
  );
  const map = multilevelAnalysis(options, options.size, details.length);
  return applyLinear(transposed(map), coefficients(decomposition))[0];
}

/**
 * All bands in PyWavelets' order: the approximation, then (horizontal, vertical, diagonal) of each
 * level, coarsest first.
 */
export function coefficients({ approximation, details }: WaveletDecomposition): Tensor4D[] {
  return [approximation, ...details.flatMap(({ horizontal, vertical, diagonal }) => [horizontal, vertical, diagonal])];
}

/** `options.size`, or `natural` without it; throws when the inverse does not reach so far. */
function croppedSize(natural: Size, { size, wavelet, mode }: WaveletOptions & { size?: Size }): Size {
  if (natural[0] < 1 || natural[1] < 1) {
    throw new Error(
      `These bands are too small for the inverse of "${wavelet}" in mode ` +
        `"${mode}": the picture would be ${natural.join(' x ')}.`,
    );
  }
  if (size === undefined) return natural;
  if (!size.every((side, i) => Number.isInteger(side) && side >= 1 && side <= natural[i])) {
    throw new Error(`Cannot crop to size ${size.join(' x ')}: the inverse transform gives ${natural.join(' x ')}.`);
  }
  return size;
}

/** Height and width of x [N, H, W, C]; throws when x is not such a tensor. */
function sizeOf(x: Tensor4D, name: string): Size {
  if (!(x instanceof tf.Tensor) || x.rank !== 4 || x.dtype !== 'float32') {
    const found = x instanceof tf.Tensor ? `${x.dtype} of shape [${String(x.shape)}]` : typeof x;
    throw new Error(`${name} must be a float32 tensor [images, height, width, channels], not ${found}.`);
  }
  if (x.shape[1] < 1 || x.shape[2] < 1)
    throw new Error(`${name} has no rows or no columns: its shape is [${x.shape.join(', ')}].`);
  return [x.shape[1], x.shape[2]];
}

function checkShapes(bands: Record<string, Tensor4D>, shape: number[], of: string): void {
  for (const [name, band] of Object.entries(bands)) {
    sizeOf(band, name);
    if (band.shape.some((length, i) => length !== shape[i])) {
      throw new Error(`${name} has shape [${band.shape.join(', ')}], but ${of} asks for [${shape.join(', ')}].`);
    }
  }
}
