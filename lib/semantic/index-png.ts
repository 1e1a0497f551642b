/**
 * PNG files whose pixels are numbers of classes: grey ones of 1 to 8 bits (Cityscapes, COCO's stuff,
 * emoji scenes), and the indices of those with a palette (Pascal VOC), whose colours are for the eye
 * only. Picture libraries turn indices into colours and small grey values into large ones; here each
 * pixel is the number that the file holds.
 *
 * Layout (PNG specification, 3rd edition): 8 bytes of signature, then chunks of length, type, data
 * and checksum. IDAT chunks together are one zlib stream of rows, each with a byte that names its
 * filter, which for these files looks at bytes to the left, above, and left above.
 */
import { constants, deflateSync, inflateSync } from 'node:zlib';
import type { LabelMap } from '../data/label-map';
import { crc32 } from '../download/crc32';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const [GREY, PALETTE] = [0, 3];
/** As of other pictures. */
const MOST_PIXELS = 2 ** 27;

/** Throws an Error without the file's name where the bytes are none, broken, or of another kind. */
export function decodeIndexPng(bytes: Buffer): LabelMap {
  const { width, height, bits, packed } = chunksOf(bytes);
  const stride = Math.ceil((width * bits) / 8);
  const rows = unfiltered(inflated(packed, height * (stride + 1)), stride, height);
  if (bits === 8) return { width, height, labels: rows };
  const labels = new Uint8Array(width * height);
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0; x < width; x++, o++) {
      const byte = rows[y * stride + ((x * bits) >> 3)];
      labels[o] = (byte >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1);
    }
  return { width, height, labels };
}

/** A grey PNG of 8 bits, which `decodeIndexPng` reads back. */
export function encodeIndexPng({ width, height, labels }: LabelMap): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = GREY;
  const rows = Buffer.alloc(height * (width + 1)); // filter 0: bytes as they are
  for (let y = 0; y < height; y++) rows.set(labels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([SIGNATURE, ...chunks]);
}

interface Chunks {
  width: number;
  height: number;
  bits: number;
  packed: Buffer;
}

function chunksOf(bytes: Buffer): Chunks {
  if (!bytes.subarray(0, 8).equals(SIGNATURE)) throw new Error('it is no PNG');
  let header: Omit<Chunks, 'packed'> | undefined;
  const packed: Buffer[] = [];
  for (let at = 8; ; ) {
    const type = bytes.toString('latin1', at + 4, at + 8);
    const length = at + 8 <= bytes.length ? bytes.readUInt32BE(at) : 0;
    if (at + 12 + length > bytes.length) throw new Error('it ends too early');
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') header = headerOf(data);
    if (type === 'IDAT') packed.push(data);
    if (type === 'IEND') break;
    at += 12 + length;
  }
  if (!header) throw new Error('it has no header');
  return { ...header, packed: Buffer.concat(packed) };
}

function headerOf(data: Buffer): Omit<Chunks, 'packed'> {
  if (data.length < 13) throw new Error('its header ends too early');
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  const [bits, kind, interlaced] = [data[8], data[9], data[12]];
  if ((kind !== GREY && kind !== PALETTE) || ![1, 2, 4, 8].includes(bits))
    throw new Error(`its pixels are of ${bits} bits and colour type ${kind}, and not grey or indices of 1 to 8 bits`);
  if (interlaced) throw new Error('it is interlaced, which is not read; save it without');
  if (!(width > 0 && height > 0 && width * height <= MOST_PIXELS))
    throw new Error(`its header says ${width}x${height}, and 1 to ${MOST_PIXELS} pixels are read`);
  return { width, height, bits };
}

function inflated(packed: Buffer, length: number): Buffer {
  const rows = inflateSync(packed, { maxOutputLength: length + 1, finishFlush: constants.Z_SYNC_FLUSH });
  if (rows.length !== length) throw new Error(`it holds ${rows.length} bytes of pixels, and not ${length}`);
  return rows;
}

/** [height * (1 + stride)] -> [height * stride], undoing each row's filter. */
function unfiltered(rows: Buffer, stride: number, height: number): Uint8Array {
  const result = new Uint8Array(stride * height);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    const filter = rows[from++];
    if (filter > 4) throw new Error(`row ${y} has the filter ${filter}, and there are 0 to 4`);
    for (let x = 0; x < stride; x++, to++) {
      const left = x > 0 ? result[to - 1] : 0;
      const above = y > 0 ? result[to - stride] : 0;
      const corner = x > 0 && y > 0 ? result[to - stride - 1] : 0;
      result[to] = rows[from++] + predicted(filter, left, above, corner);
    }
  }
  return result;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner; // Paeth's
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
