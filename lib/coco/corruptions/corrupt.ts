/**
 * COCO-C: 15 corruptions of pictures at 5 severities, under which Michaelis et al. (Benchmarking
 * Robustness in Object Detection, arXiv 1907.07484) measure detectors. Written from the behaviour
 * of their package imagecorruptions and tested against it value for value
 * (test/coco/corruptions.test.ts); only frost needs a folder of its pictures for that (frost.ts).
 *
 * Their package takes RGB. mmdetection's `Corrupt` hands it BGR, which matters a little for snow,
 * frost and jpeg_compression.
 */
import type { Random } from '../../core/random';
import type { Picture } from '../image';
import { defocusBlur, glassBlur, motionBlur, zoomBlur } from './blur';
import { contrast, elasticTransform, jpegCompression, pixelate } from './digital';
import { frost } from './frost';
import { gaussianNoise, impulseNoise, shotNoise } from './noise';
import { brightness, fog, snow } from './weather';

type Apply = (picture: Picture, severity: number, random: Random, frostFolder?: string) => Picture | Promise<Picture>;

const functions = {
  gaussian_noise: gaussianNoise,
  shot_noise: shotNoise,
  impulse_noise: impulseNoise,
  defocus_blur: defocusBlur,
  glass_blur: glassBlur,
  motion_blur: motionBlur,
  zoom_blur: zoomBlur,
  snow,
  frost,
  fog,
  brightness,
  contrast,
  elastic_transform: elasticTransform,
  pixelate,
  jpeg_compression: jpegCompression,
} satisfies Record<string, Apply>;

export type CorruptionName = keyof typeof functions;

/** In the order of the paper. */
export const corruptionNames = Object.keys(functions) as CorruptionName[];

export const SEVERITIES = [1, 2, 3, 4, 5] as const;

/** Pixels of the short side, as the reference demands them. */
export const SMALLEST_SIDE = 32;

export interface Corruption {
  name: CorruptionName;
  /** 1 (slight) to 5. */
  severity: number;
  /** A folder with the reference's frost pictures (see frost.ts); without it frost is our own. */
  frostFolder?: string;
}

/** Throws when a corruption is not one of the 15 or its severity not one of the 5. */
export function checkCorruption({ name, severity }: Corruption): void {
  if (!corruptionNames.includes(name))
    throw new Error(`there is no corruption "${name}"; there are ${corruptionNames.join(', ')}`);
  if (!SEVERITIES.some((known) => known === severity))
    throw new Error(`the severity of ${name} should be a whole number from 1 to 5, is ${severity}`);
}

/**
 * A corrupted copy of a picture, the same for the same state of `random`.
 */
export async function corrupt(picture: Picture, corruption: Corruption, random: Random): Promise<Picture> {
  checkCorruption(corruption);
  const { width, height } = picture;
  if (Math.min(width, height) < SMALLEST_SIDE)
    throw new Error(
      `corruptions are for pictures of ${SMALLEST_SIDE} x ${SMALLEST_SIDE} ` +
        `pixels or more, not for ${width} x ${height}`,
    );
  const apply: Apply = functions[corruption.name];
  return apply(picture, corruption.severity, random, corruption.frostFolder);
}
