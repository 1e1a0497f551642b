/**
 * Colour distortion of training pictures: brightness, contrast, saturation and hue, each with
 * probability 1/2, as in SSD (Liu et al., arXiv 1512.02325) and mmdetection's
 * PhotoMetricDistortion. Values stay within 0 and 255 after every part, and channels are not
 * swapped.
 */
import type { Random } from '../core/random';
import type { Picture } from './image';

export interface ColorRanges {
  /** The most that is added to all channels or taken from them, of 255. */
  brightness: number;
  /** Smallest and largest factor of all channels. */
  contrast: readonly [number, number];
  /** Smallest and largest factor of HSV's saturation. */
  saturation: readonly [number, number];
  /** The most that HSV's hue is turned, in degrees. */
  hue: number;
}

/** What is done to one picture. */
export interface ColorChange {
  /** 0 for none. */
  brightness: number;
  /** 1 for none. */
  contrast: number;
  /** Whether contrast comes before saturation and hue. */
  contrastFirst: boolean;
  /** 1 for none. */
  saturation: number;
  /** Degrees, 0 for none. */
  hue: number;
}

export function drawColor({ brightness, contrast, saturation, hue }: ColorRanges, random: Random): ColorChange {
  const half = (low: number, high: number, none: number): number => {
    const [coin, value] = [random.next(), random.uniform(low, high)];
    return coin < 0.5 ? value : none;
  };
  return {
    brightness: half(-brightness, brightness, 0),
    contrast: half(contrast[0], contrast[1], 1),
    contrastFirst: random.next() < 0.5,
    saturation: half(saturation[0], saturation[1], 1),
    hue: half(-hue, hue, 0),
  };
}

const clip = (value: number, most: number): number => Math.min(Math.max(value, 0), most);

/** A new picture; the given one stays as it is. */
export function changeColor(picture: Picture, change: ColorChange): Picture {
  const { brightness, contrast, contrastFirst, saturation, hue } = change;
  const [before, after] = contrastFirst ? [contrast, 1] : [1, contrast];
  const value = Float64Array.from({ length: 256 }, (_, byte) => clip(clip(byte + brightness, 255) * before, 255));
  const source = picture.data;
  const data = new Uint8Array(source.length);
  const byte = (channel: number): number => Math.floor(clip(channel * after, 255) + 0.5);
  if (saturation === 1 && hue === 0) {
    const bytes = Uint8Array.from(value, byte);
    for (let i = 0; i < data.length; i++) data[i] = bytes[source[i]];
    return { ...picture, data };
  }
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [value[source[i]], value[source[i + 1]], value[source[i + 2]]];
    const most = Math.max(r, g, b);
    const range = most - Math.min(r, g, b);
    // HSV: sextant of the hue 0..6, chroma = value * saturation
    const offset = most === r ? g - b : most === g ? 2 * range + b - r : 4 * range + r - g;
    const sextant = range === 0 ? 0 : offset / range;
    const turned = sextant + hue / 60 + 12; // above 0
    const chroma = Math.min(range * saturation, most);
    for (let channel = 0; channel < 3; channel++) {
      const k = (turned + 5 - 2 * channel) % 6;
      data[i + channel] = byte(most - chroma * clip(Math.min(k, 4 - k), 1));
    }
  }
  return { ...picture, data };
}
