/** Numbers as colours: a map of values as a picture, alone or over the picture it belongs to. */
import sharp, { type Sharp } from 'sharp';
import { decode, type Picture } from '../coco/image';
import type { Tensor } from '../tf';
import { framed, type HeatFrame } from './heat-frame';

/** `viridis` and `magma` for amounts, `greys` for pictures, `redblue` for values around 0. */
export type ColorScheme = 'viridis' | 'magma' | 'greys' | 'redblue';

export interface HeatOptions extends HeatFrame {
  /** Pixels, without its frame; the height follows. Default 220. */
  width?: number;
  /**
   * Values of the first and the last colour. Default: the least and the greatest; for `redblue` as
   * far either side of 0.
   */
  range?: readonly [number, number];
  /** Default `viridis`. */
  scheme?: ColorScheme;
}

interface Grid {
  values: ArrayLike<number>;
  height: number;
  width: number;
}

/** The values of a tensor [H, W], or [1, H, W, 1]. */
export function gridOf(map: Tensor): Grid {
  const shape = map.shape.length === 4 && map.shape[0] === 1 && map.shape[3] === 1 ? map.shape.slice(1, 3) : map.shape;
  if (shape.length !== 2)
    throw new Error(`a heat map shows [H, W] or [1, H, W, 1], not [${map.shape}]: choose one picture and one channel`);
  return { values: map.dataSync(), height: shape[0], width: shape[1] };
}

/** 256 colours of a scheme, three bytes each: dark to light, blue over white to red. */
async function palette(scheme: ColorScheme): Promise<Uint8Array> {
  if (scheme === 'greys') return Uint8Array.from({ length: 3 * 256 }, (_, i) => Math.floor(i / 3));
  const { scheme: schemeOf } = await import('vega');
  const color = schemeOf(scheme) as (share: number) => string;
  const bytes = new Uint8Array(3 * 256);
  for (let i = 0; i < 256; i++) {
    const share = scheme === 'redblue' ? 1 - i / 255 : i / 255; // Vega's begins with red
    bytes.set((color(share).match(/\d+/g) ?? []).slice(0, 3).map(Number), 3 * i);
  }
  return bytes;
}

/** The range that `options` leave open. */
export function heatRange(values: ArrayLike<number>, scheme: ColorScheme): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) [low, high] = [Math.min(low, values[i]), Math.max(high, values[i])];
  if (scheme !== 'redblue') return [low, high];
  const reach = Math.max(Math.abs(low), Math.abs(high));
  return [-reach, reach];
}

/** Values as RGB pixels, one a value. */
export async function colored(
  { values, height, width }: Grid,
  { scheme = 'viridis', range }: HeatOptions = {},
): Promise<Picture> {
  const colors = await palette(scheme);
  const [low, high] = range ?? heatRange(values, scheme);
  const data = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    const share = high > low ? (values[i] - low) / (high - low) : 0.5;
    const at = 3 * Math.min(255, Math.max(0, Math.round(255 * share)));
    data.set(colors.subarray(at, at + 3), 3 * i);
  }
  return { data, width, height };
}

/** Pixels enlarged, each a sharp rectangle; not encoded yet. */
export function enlarged({ data, ...size }: Picture, width: number, height: number): Sharp {
  return sharp(data, { raw: { ...size, channels: 3 } }).resize(width, height, { kernel: 'nearest', fit: 'fill' });
}

/** The height of a picture at another width, in whole pixels. */
const heightAt = (width: number, size: { width: number; height: number }): number =>
  Math.max(1, Math.round((size.height * width) / size.width));

/** A picture with its colour bar and the titles of its axes, where they are asked for. */
export async function inFrame(
  picture: Sharp,
  size: { width: number; height: number },
  { scheme = 'viridis', ...frame }: HeatOptions,
  range: readonly [number, number],
): Promise<Buffer> {
  if (!frame.bar && !frame.rows && !frame.columns) return picture.png().toBuffer();
  const ramp = await colored(
    { values: Array.from({ length: 256 }, (_, i) => i), height: 1, width: 256 },
    { scheme, range: [0, 255] },
  );
  return framed(picture, size, frame, sharp(ramp.data, { raw: { width: 256, height: 1, channels: 3 } }), range);
}

/**
 * A map of values as a picture.
 * @param map [H, W] or [1, H, W, 1]
 * @returns a PNG file's bytes
 */
export async function heatPicture(map: Tensor, options: HeatOptions = {}): Promise<Buffer> {
  const { width = 220, scheme = 'viridis' } = options;
  const grid = gridOf(map);
  const picture = await colored(grid, options);
  const size = { width, height: heightAt(width, picture) };
  return inFrame(
    enlarged(picture, size.width, size.height),
    size,
    options,
    options.range ?? heatRange(grid.values, scheme),
  );
}

/**
 * The same over a picture: where the map is high the picture shows, elsewhere it is dark.
 * @param picture a picture file, or decoded pixels
 * @param map [H, W] or [1, H, W, 1], over the whole picture
 * @returns a PNG file's bytes
 */
export async function spotlight(
  picture: string | Picture,
  map: Tensor,
  options: Pick<HeatOptions, 'width' | 'range'> = {},
): Promise<Buffer> {
  const { data, ...size } = typeof picture === 'string' ? await decode(picture) : picture;
  const { width = 220 } = options;
  const height = heightAt(width, size);
  const shade = await colored(gridOf(map), { ...options, scheme: 'greys' });
  const light = await enlarged(shade, width, height)
    .linear(0.85, 0.15 * 255)
    .png()
    .toBuffer();
  return sharp(data, { raw: { ...size, channels: 3 } })
    .resize(width, height, { kernel: 'cubic', fit: 'fill' })
    .composite([{ input: light, blend: 'multiply' }])
    .png()
    .toBuffer();
}
