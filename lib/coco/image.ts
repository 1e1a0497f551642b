/**
 * Picture files to RGB pixels, bit for bit what `cv2.imread` (and so mmcv) gives, tested against
 * it:
 * - the EXIF orientation is applied (so the JSON's width and height are those of the upright
 *   picture);
 * - an ICC profile is ignored, alpha is dropped, not blended; 16 bits become 8 by their high byte,
 *   grey becomes R = G = B;
 * - CMYK becomes RGB by the plain product of colour and black.
 *
 * Broken files are refused, where OpenCV would give the half it could read.
 */
import { existsSync } from 'node:fs';
import sharp from 'sharp';
import { DatasetError, type ProblemKind } from './problems';
import type { CocoImage } from './types';

/** Interleaved RGB, [height, width, 3] uint8. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8Array;
}

const OPTIONS = { failOn: 'error', ignoreIcc: true } as const;

/** Decodes a picture file. Throws sharp's error when it is missing or broken. */
export async function decode(file: string): Promise<Picture> {
  const pipeline = sharp(file, OPTIONS);
  if ((await pipeline.metadata()).space === 'cmyk') return decodeCmyk(file);
  const { data, info } = await pipeline
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

async function decodeCmyk(file: string): Promise<Picture> {
  const { data, info } = await sharp(file, OPTIONS)
    .autoOrient()
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const rgb = new Uint8Array(info.width * info.height * 3);
  for (let i = 0, o = 0; o < rgb.length; i += info.channels, o += 3) {
    const light = 255 - data[i + 3];
    for (let c = 0; c < 3; c++) rgb[o + c] = light - ((data[i + c] * light) >> 8);
  }
  return { width: info.width, height: info.height, data: rgb };
}

/** Decodes a data set's picture and checks its size. Throws a DatasetError that names file and id. */
export async function decodeChecked(file: string, image: CocoImage): Promise<Picture> {
  const fail = (kind: ProblemKind, what: string): never => {
    throw new DatasetError([{ kind, file, id: image.id, message: `${file} (image ${image.id}) ${what}` }]);
  };
  let picture: Picture;
  try {
    picture = await decode(file);
  } catch (error) {
    if (!existsSync(file))
      return fail('missing-image', 'is missing; put it there, or remove it from the annotation file.');
    const reason = [...new Set((error as Error).message.trim().split('\n'))].join('; ');
    return fail('bad-image', `cannot be decoded (${reason}); download or export it again.`);
  }
  const { width, height } = picture;
  if (width !== image.width || height !== image.height) {
    const turned =
      width === image.height && height === image.width ? ' (EXIF orientation is applied, as OpenCV does)' : '';
    return fail(
      'image-size',
      `is ${width}x${height}${turned}, but the annotation file says ` +
        `${image.width}x${image.height}; correct one of them.`,
    );
  }
  return picture;
}
