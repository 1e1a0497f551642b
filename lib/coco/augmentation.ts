/**
 * Random changes of training pictures beside mirroring: what is drawn for each, and where its
 * pixels then lie in the network's input. Its boxes follow by the same numbers (transforms.ts).
 */
import type { Random } from '../core/random';
import { drawColor, type ColorChange, type ColorRanges } from './color';
import type { Picture } from './image';
import { inputSize, type InputSize, type Size } from './input-size';

export interface Augmentation {
  /**
   * Input sizes, one of which is drawn for each picture in place of the loader's: mmdet's
   * `multiscale_mode='value'`.
   */
  sizes?: readonly InputSize[];
  /** Random scale and crop, within an input of the usual size. */
  zoom?: ZoomRange;
  /** Random brightness, contrast, saturation and hue. */
  color?: ColorRanges;
}

export interface ZoomRange {
  /**
   * Smallest and largest factor of the picture, uniform in their logarithms. Above 1 the input shows
   * a part of the picture; below 1 the picture fills a part of the input, the rest being 0.
   */
  scale: readonly [number, number];
  /** The factors of width and height differ by up to this factor; 1 for none. */
  aspect: number;
}

/** What pictures of one's own are trained with. */
export const standardAugmentation: Augmentation = {
  zoom: { scale: [0.6, 1.8], aspect: 1.25 },
  color: { brightness: 32, contrast: [0.5, 1.5], saturation: [0.5, 1.5], hue: 18 },
};

/** What is drawn for one picture; it does not depend on the picture's size. */
export interface Drawn {
  size?: InputSize;
  zoom?: {
    /** Of width and height. */
    factors: [number, number];
    /** Of the part in the picture, or of the picture in the input, from 0 (left, upper) to 1. */
    position: [number, number];
  };
  color?: ColorChange;
}

/** How often a part of a picture is drawn anew that shows none of its objects. */
const TRIES = 10;

/**
 * @param random of this picture in this epoch
 * @param isGood whether what is drawn shows an object; the tenth try is taken as it is
 */
export function drawAugmentation(
  { sizes, zoom, color }: Augmentation,
  random: Random,
  isGood: (drawn: Drawn) => boolean,
): Drawn {
  const drawn: Drawn = {
    ...(sizes && { size: random.fork('size').pick(sizes) }),
    ...(color && { color: drawColor(color, random.fork('color')) }),
  };
  if (!zoom) return drawn;
  const numbers = random.fork('zoom');
  const tries = Array.from({ length: TRIES }, () => ({ ...drawn, zoom: drawZoom(zoom, numbers) }));
  return tries.find(isGood) ?? tries[TRIES - 1];
}

function drawZoom({ scale: [low, high], aspect }: ZoomRange, random: Random): NonNullable<Drawn['zoom']> {
  const scale = Math.exp(random.uniform(Math.log(low), Math.log(high)));
  const stretch = Math.sqrt(Math.exp(random.uniform(-Math.log(aspect), Math.log(aspect))));
  return { factors: [scale * stretch, scale / stretch], position: [random.next(), random.next()] };
}

/** Whole pixels. */
export interface Rectangle extends Size {
  x: number;
  y: number;
}

/** How a picture comes into an input: resized, cut, resized again. */
export interface View {
  /** The size that the picture is kept at. */
  kept: Size;
  /** The part of it that is shown. */
  part: Rectangle;
  /** Where that part lies in the input, before mirroring. */
  place: Rectangle;
  input: Size;
}

/**
 * The size that a picture is kept at, to be cut from: its input's size times the largest factor of
 * `zoom`, and no larger than it is.
 */
export function keptSize(image: Size, input: Size, zoom: ZoomRange | undefined): Size {
  if (!zoom) return input;
  const largest = zoom.scale[1] * Math.sqrt(zoom.aspect);
  const side = (own: number, wanted: number): number => Math.min(own, Math.ceil(wanted * largest));
  return { width: side(image.width, input.width), height: side(image.height, input.height) };
}

export function viewOf(image: Size, size: InputSize, { zoom }: Augmentation = {}, drawn: Drawn = {}): View {
  const input = inputSize(image, drawn.size ?? size);
  const kept = keptSize(image, input, zoom);
  const [factors, [left, top]] = drawn.zoom ? [drawn.zoom.factors, drawn.zoom.position] : [[1, 1], [0, 0]];
  const across = shownOf(kept.width, input.width, factors[0], left);
  const down = shownOf(kept.height, input.height, factors[1], top);
  const rectangle = (of: 'part' | 'place'): Rectangle => {
    const [[x, width], [y, height]] = [across[of], down[of]];
    return { x, y, width, height };
  };
  return { kept, part: rectangle('part'), place: rectangle('place'), input };
}

type Interval = [start: number, length: number];

/** One side: which of its `kept` pixels are shown, and on which of the `input` pixels. */
function shownOf(kept: number, input: number, factor: number, position: number): Record<'part' | 'place', Interval> {
  const within = (all: number, share: number): Interval => {
    const length = Math.max(1, Math.round(all * share));
    return [Math.round(position * (all - length)), length];
  };
  return factor >= 1
    ? { part: within(kept, 1 / factor), place: [0, input] }
    : { part: [0, kept], place: within(input, factor) };
}

/** A part of a picture; the picture itself where that is all of it. */
export function cut(picture: Picture, { x, y, width, height }: Rectangle): Picture {
  if (width === picture.width && height === picture.height) return picture;
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * picture.width + x) * 3;
    data.set(picture.data.subarray(start, start + width * 3), row * width * 3);
  }
  return { width, height, data };
}
