/**
 * A wavelet decomposition as the mosaic that books show, in PyWavelets' order: LL in the upper left
 * corner, H right of it, V below, D across.
 */
import sharp, { type OverlayOptions } from 'sharp';
import { tf, type Tensor4D } from '../tf';
import { coefficients, type WaveletDecomposition } from '../wavelet/transform';
import { colored, enlarged, gridOf, heatRange, inFrame, type ColorScheme } from './heat';

export interface MosaicOptions {
  /** Which picture and which channel. Default 0. */
  image?: number;
  channel?: number;
  /** Pixels. Default 384. */
  width?: number;
  /** Colours all bands by one scheme on one common scale, for what is no picture: masks, errors. */
  scheme?: ColorScheme;
  /** Whether a bar shows that scale below. Default false. */
  bar?: boolean;
}

const GAP = 2; // pixels between tiles
const GROUND = { r: 0, g: 0, b: 0, alpha: 0 };

/**
 * The mosaic of one channel. LL is shown in greys, details in red (above 0) and blue (below 0),
 * white being 0; every band is stretched to its own range, since those of details are many times
 * smaller, and to its place, since those of long filters are larger than half the picture.
 * @returns a PNG file's bytes
 */
export async function bandMosaic(
  decomposition: WaveletDecomposition,
  { image = 0, channel = 0, width = 384, scheme, bar }: MosaicOptions = {},
): Promise<Buffer> {
  const { approximation, details } = decomposition;
  const [, h, w] = details.length > 0 ? details[details.length - 1].horizontal.shape : approximation.shape;
  const height = Math.round((width * h) / w);
  const gridOfBand = (band: Tensor4D): ReturnType<typeof gridOf> => {
    const map = tf.tidy(() => band.slice([image, 0, 0, channel], [1, -1, -1, 1]));
    const grid = gridOf(map);
    map.dispose();
    return grid;
  };
  const common =
    scheme &&
    commonRange(
      coefficients(decomposition).map((band) => gridOfBand(band).values),
      scheme,
    );
  const tile = async (
    band: Tensor4D,
    own: ColorScheme,
    [left, top, right, bottom]: number[],
  ): Promise<OverlayOptions> => {
    const colors = await colored(gridOfBand(band), { scheme: scheme ?? own, range: common });
    const input = await enlarged(colors, Math.max(1, right - left - GAP), Math.max(1, bottom - top - GAP))
      .png()
      .toBuffer();
    return { input, left, top };
  };
  const tiles: OverlayOptions[] = [];
  let [right, bottom] = [width + GAP, height + GAP];
  for (const { horizontal, vertical, diagonal } of [...details].reverse()) {
    const [x, y] = [Math.round(right / 2), Math.round(bottom / 2)];
    tiles.push(await tile(horizontal, 'redblue', [x, 0, right, y]));
    tiles.push(await tile(vertical, 'redblue', [0, y, x, bottom]));
    tiles.push(await tile(diagonal, 'redblue', [x, y, right, bottom]));
    [right, bottom] = [x, y];
  }
  tiles.push(await tile(approximation, 'greys', [0, 0, right, bottom]));
  const mosaic = sharp({ create: { width, height, channels: 4, background: GROUND } }).composite(tiles);
  return common ? inFrame(mosaic, { width, height }, { scheme, bar }, common) : mosaic.png().toBuffer();
}

/** The range of all bands together. */
function commonRange(values: readonly ArrayLike<number>[], scheme: ColorScheme): [number, number] {
  const ranges = values.map((band) => heatRange(band, scheme));
  return [Math.min(...ranges.map(([low]) => low)), Math.max(...ranges.map(([, high]) => high))];
}
