/**
 * What kind of picture a file is, by its first bytes and never by its name. Only kinds of the list
 * go on to a decoder: SVG, which is a program for pictures of any size, does not.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

export type PictureKind = 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp' | 'jpeg2000';

/** How files begin, in Latin-1. */
const BEGINS: [kind: PictureKind, pattern: RegExp][] = [
  ['jpeg', /^\xff\xd8\xff/],
  ['png', /^\x89PNG\r\n\x1a\n/],
  ['gif', /^GIF8[79]a/],
  ['webp', /^RIFF[^]{4}WEBP/],
  ['tiff', /^(II[*+]\0|MM\0[*+])/],
  ['avif', /^\0\0[^]{2}ftyp(avif|avis|mif1|msf1)/],
  ['bmp', /^BM/],
  ['jpeg2000', /^(\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/],
];
const LONGEST = 16;
/** Files of kinds that are read as a whole may have so many bytes. */
const MOST_BYTES = 2 ** 29;

/** The kind of a picture. Throws where the file is missing, no regular file, or no picture. */
export function kindOf(file: string): PictureKind {
  const stat = statSync(file);
  if (!stat.isFile()) throw new Error('it is no regular file'); // opening a pipe would wait for a writer
  const bytes = Buffer.alloc(LONGEST);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
  const begin = bytes.toString('latin1');
  const kind = BEGINS.find(([, pattern]) => pattern.test(begin))?.[0];
  if (!kind) {
    const what = /^(\xef\xbb\xbf)?\s*</.test(begin) ? 'it is text such as SVG' : 'its first bytes are of no known kind';
    throw new Error(`${what}; JPEG, PNG, GIF, WebP, TIFF, AVIF, BMP and JPEG 2000 are read`);
  }
  if ((kind === 'bmp' || kind === 'jpeg2000') && stat.size > MOST_BYTES)
    throw new Error(`it has ${stat.size} bytes, more than the ${MOST_BYTES} that are read of this kind`);
  return kind;
}

/** Whether a file is a picture of a kind that is read. */
export function isPicture(file: string): boolean {
  try {
    return Boolean(kindOf(file));
  } catch {
    return false;
  }
}
