/** COCO-C's weather: snow, fog and brightness. Frost has its own file. */
import type { Random } from '../../core/random';
import { roundEven } from '../../core/round-even';
import type { Picture } from '../image';
import { crop, emptyField, motionBlur, toField, toPicture, zoomMiddle } from './field';
import { plasma } from './plasma';

/**
 * Flakes of driven snow, and once more turned by half a circle, over a picture that is lightened
 * towards its grey.
 */
export function snow(picture: Picture, severity: number, random: Random): Picture {
  const [mean, deviation, zoom, threshold, radius, sigma, share] = [
    [0.1, 0.3, 3, 0.5, 10, 4, 0.8],
    [0.2, 0.3, 2, 0.5, 12, 4, 0.7],
    [0.55, 0.3, 4, 0.9, 12, 8, 0.7],
    [0.55, 0.3, 4.5, 0.85, 12, 8, 0.65],
    [0.55, 0.3, 2.5, 0.85, 12, 12, 0.55],
  ][severity - 1];
  const { width, height } = picture;
  const noise = emptyField(width, height, 1);
  for (let i = 0; i < noise.data.length; i++) noise.data[i] = mean + deviation * random.normal();
  const flakes = zoomMiddle(noise, zoom);
  flakes.data.forEach((value, i) => (flakes.data[i] = value < threshold ? 0 : Math.min(value, 1)));
  const driven = crop(motionBlur(flakes, radius, sigma, random.uniform(-135, -45)), 0, 0, width, height);
  const layer = driven.data.map((value) => roundEven(value * 255) / 255);

  const field = toField(picture);
  const last = width * height - 1;
  for (let p = 0; p <= last; p++) {
    const light =
      (0.299 * field.data[3 * p] + 0.587 * field.data[3 * p + 1] + 0.114 * field.data[3 * p + 2]) * 1.5 + 0.5;
    for (let i = 3 * p; i < 3 * p + 3; i++) {
      const value = field.data[i];
      field.data[i] = share * value + (1 - share) * Math.max(value, light) + layer[p] + layer[last - p];
    }
  }
  return toPicture(field);
}

/** Clouds, scaled back to the range of the picture. */
export function fog(picture: Picture, severity: number, random: Random): Picture {
  const [amount, decay] = [[1.5, 2], [2, 2], [2.5, 1.7], [2.5, 1.5], [3, 1.4]][severity - 1];
  const { width, height } = picture;
  const side = 2 ** Math.ceil(Math.log2(Math.max(width, height)));
  const field = toField(picture);
  const brightest = field.data.reduce((most, value) => Math.max(most, value), 0);
  const clouds = plasma(side, decay, random);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++, i++)
        field.data[i] = ((field.data[i] + amount * clouds[y * side + x]) * brightest) / (brightest + amount);
  return toPicture(field);
}

/** Raises the value of HSV. */
export function brightness(picture: Picture, severity: number): Picture {
  const more = [0.1, 0.2, 0.3, 0.4, 0.5][severity - 1];
  const field = toField(picture);
  const { data } = field;
  for (let i = 0; i < data.length; i += 3) {
    const { hue, saturation, value } = hsv(data[i], data[i + 1], data[i + 2]);
    data.set(rgb(hue, saturation, Math.min(value + more, 1)), i);
  }
  return toPicture(field);
}

/** Hue in 0..1, saturation and value, as `skimage.color.rgb2hsv`. */
function hsv(r: number, g: number, b: number): { hue: number; saturation: number; value: number } {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (range === 0) return { hue: 0, saturation: 0, value };
  const sixths = b === value ? 4 + (r - g) / range : g === value ? 2 + (b - r) / range : (g - b) / range;
  return { hue: sixths < 0 ? sixths / 6 + 1 : sixths / 6, saturation: range / value, value };
}

/** As `skimage.color.hsv2rgb`. */
function rgb(hue: number, saturation: number, value: number): [number, number, number] {
  const sector = Math.floor(hue * 6);
  const f = hue * 6 - sector;
  const [p, q, t] = [1 - saturation, 1 - f * saturation, 1 - (1 - f) * saturation].map((share) => value * share);
  const sectors: [number, number, number][] = [
    [value, t, p],
    [q, value, p],
    [p, value, t],
    [p, q, value],
    [t, p, value],
    [value, p, q],
  ];
  return sectors[sector % 6];
}
