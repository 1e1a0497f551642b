/**
 * Picture files to RGB pixels, bit for bit what `cv2.imread` (and so mmcv) gives, tested against
 * it:
 * - the EXIF orientation is applied (so the JSON's width and height are those of the upright
 *   picture);
 * - an ICC profile is ignored, alpha is dropped, not blended; 16 bits become 8 by their high byte,
 *   grey becomes R = G = B;
 * - CMYK becomes RGB by the plain product of colour and black.
 *
 * Broken files are refused, where OpenCV would give the half it could read. Size and format are
 * taken from the first bytes before any pixel is decoded.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { bmpHeader, decodeBmp } from './bmp';
import { decodeJpeg2000, jpeg2000Header } from './jpeg2000';
import { kindOf } from './picture-kind';
import { DatasetError, type ProblemKind } from './problems';
import type { CocoImage } from './types';

/** Interleaved RGB, [height, width, 3] uint8. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8Array;
}

const OPTIONS = { failOn: 'error', ignoreIcc: true } as const;

/** The most pixels that a picture may have: 400 MB of RGB. A PNG of zeros has as many in 130 KB. */
const MOST_PIXELS = 2 ** 27;

/** What the header of a picture says, and the way to its pixels. */
interface Opened {
  width: number;
  height: number;
  /** Interleaved RGB, upright. */
  pixels(): Promise<Uint8Array>;
}

/** Decodes a picture file. Throws when it is missing, broken, too large or no picture. */
export async function decode(file: string): Promise<Picture> {
  const { width, height, pixels } = await open(file);
  return { width, height, data: await pixels() };
}

/** Reads a picture's header; nothing of its pixels. */
async function open(file: string): Promise<Opened> {
  const kind = kindOf(file);
  const opened = await (kind === 'bmp' ? openBmp(file) : kind === 'jpeg2000' ? openJpeg2000(file) : openByVips(file));
  const { width, height } = opened;
  if (!(width > 0 && height > 0)) throw new Error(`its header says ${width}x${height}`);
  if (width * height > MOST_PIXELS)
    throw new Error(`its header says ${width}x${height}, and at most ${MOST_PIXELS} pixels are read; shrink it`);
  return opened;
}

/** A file as a whole, and what `read` finds at its begin. */
async function withHeader<T>(file: string, read: (bytes: Buffer) => T): Promise<{ bytes: Buffer; header: T }> {
  const bytes = await readFile(file);
  try {
    return { bytes, header: read(bytes) };
  } catch (error) {
    throw error instanceof RangeError ? new Error('its header ends too early') : error;
  }
}

async function openBmp(file: string): Promise<Opened> {
  const { bytes, header } = await withHeader(file, bmpHeader);
  return { ...header, pixels: async () => decodeBmp(bytes, header) };
}

async function openJpeg2000(file: string): Promise<Opened> {
  const { bytes, header } = await withHeader(file, jpeg2000Header);
  return { ...header, pixels: () => decodeJpeg2000(bytes, header) };
}

async function openByVips(file: string): Promise<Opened> {
  const pipeline = sharp(file, OPTIONS);
  const { space, autoOrient } = await pipeline.metadata();
  const pixels = (): Promise<Uint8Array> =>
    space === 'cmyk'
      ? pixelsOfCmyk(file)
      : pipeline.autoOrient().removeAlpha().toColourspace('srgb').raw().toBuffer();
  return { ...autoOrient, pixels };
}

async function pixelsOfCmyk(file: string): Promise<Uint8Array> {
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
  return rgb;
}

/** Decodes a data set's picture, if its header says the right size. Throws a DatasetError that names file and id. */
export async function decodeChecked(file: string, image: CocoImage): Promise<Picture> {
  const fail = (kind: ProblemKind, what: string): never => {
    throw new DatasetError([{ kind, file, id: image.id, message: `${file} (image ${image.id}) ${what}` }]);
  };
  const unreadable = (error: unknown): never => {
    if (!existsSync(file))
      return fail('missing-image', 'is missing; put it there, or remove it from the annotation file.');
    const reason = [...new Set((error as Error).message.trim().split('\n'))].join('; ');
    return fail('bad-image', `cannot be decoded (${reason}); download or export it again.`);
  };
  const { width, height, pixels } = await open(file).catch(unreadable);
  if (width !== image.width || height !== image.height) {
    const turned =
      width === image.height && height === image.width ? ' (EXIF orientation is applied, as OpenCV does)' : '';
    return fail(
      'image-size',
      `is ${width}x${height}${turned}, but the annotation file says ` +
        `${image.width}x${image.height}; correct one of them.`,
    );
  }
  return { width, height, data: await pixels().catch(unreadable) };
}
