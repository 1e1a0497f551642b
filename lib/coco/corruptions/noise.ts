/**
 * COCO-C's noises: Gaussian (sensor), shot (photons) and impulse (dead and saturated sites). Each
 * colour value is drawn by itself.
 */
import type { Random } from '../../core/random';
import type { Picture } from '../image';
import { toField, toPicture } from './field';

/** Adds normal noise. */
export function gaussianNoise(picture: Picture, severity: number, random: Random): Picture {
  const deviation = [0.08, 0.12, 0.18, 0.26, 0.38][severity - 1];
  const field = toField(picture);
  for (let i = 0; i < field.data.length; i++) field.data[i] += deviation * random.normal();
  return toPicture(field);
}

/** Counts photons: a Poisson number in place of its mean. */
export function shotNoise(picture: Picture, severity: number, random: Random): Picture {
  const photons = [60, 25, 12, 5, 3][severity - 1]; // of full brightness
  const field = toField(picture);
  for (let i = 0; i < field.data.length; i++) field.data[i] = random.poisson(field.data[i] * photons) / photons;
  return toPicture(field);
}

/** Sets a share of the values to 0 or 1 ("salt and pepper"). */
export function impulseNoise(picture: Picture, severity: number, random: Random): Picture {
  const share = [0.03, 0.06, 0.09, 0.17, 0.27][severity - 1];
  const field = toField(picture);
  const hit = field.data.map(() => random.next()); // all of these are drawn before the next ones, as in the reference
  for (let i = 0; i < field.data.length; i++) {
    const salt = random.next() <= 0.5;
    if (hit[i] <= share) field.data[i] = salt ? 1 : 0;
  }
  return toPicture(field);
}
