/**
 * JPEG 2000 pictures to RGB as OpenCV reads them, by the same library, OpenJPEG, compiled to
 * WebAssembly: grey becomes R = G = B, alpha is dropped, more than 8 bits become 8 by the highest
 * ones. (The package `@cornerstonejs/codec-openjpeg` is held at 1.3.3: later ones refuse four
 * channels. It gives the first three of them, which fill three quarters of each row's samples.)
 */
import load from '@cornerstonejs/codec-openjpeg/decodewasmjs';

/** Marker at the begin of a codestream: SOC, then SIZ. */
const START = 0xff4fff51;
const END = 0xffd9;
/** Type of the box of a JP2 file that holds the codestream. */
const CODESTREAM = 0x6a703263;

export interface Jpeg2000Header {
  width: number;
  height: number;
  channels: number;
}

/** The part of a file from which its codestream begins: in a JP2 file the content of a box. */
function codestream(bytes: Buffer): Buffer {
  for (let at = 0; at + 8 <= bytes.length && bytes.readUInt32BE(at) !== START;) {
    const length = bytes.readUInt32BE(at);
    const long = length === 1; // 8 more bytes hold it
    if (bytes.readUInt32BE(at + 4) === CODESTREAM) return bytes.subarray(at + (long ? 16 : 8));
    const size = long ? Number(bytes.readBigUInt64BE(at + 8)) : length;
    if (size < 8) throw new Error('its boxes hold no codestream');
    at += size;
  }
  return bytes;
}

/** The header of a JPEG 2000 file, from the SIZ segment of its codestream. */
export function jpeg2000Header(bytes: Buffer): Jpeg2000Header {
  const stream = codestream(bytes);
  if (stream.readUInt32BE(0) !== START) throw new Error('its codestream does not begin with SOC and SIZ');
  const [width, height] = [8, 12].map((at) => stream.readUInt32BE(at) - stream.readUInt32BE(at + 8));
  const channels = stream.readUInt16BE(40);
  if (![1, 3, 4].includes(channels)) throw new Error(`it has ${channels} channels; 1, 3 or 4 are read`);
  for (let c = 0; c < channels; c++) {
    const [depth, stepX, stepY] = stream.subarray(42 + 3 * c);
    if (depth !== stream[42] || depth > 15 || stepX !== 1 || stepY !== 1)
      throw new Error('its channels are signed, of more than 16 bits, or differ in size or depth, which is not read');
  }
  return { width, height, channels };
}

interface Codec {
  module: Awaited<ReturnType<typeof load>>;
  /** What it printed since. */
  lines: string[];
}

let codec: Promise<Codec> | undefined;

async function open(): Promise<Codec> {
  const lines: string[] = [];
  const take = (line: string): void => void (/^\[(ERROR|WARN)/.test(line) && lines.push(line.trim()));
  return { module: await load({ print: take, printErr: take }), lines };
}

/** The pixels of a whole file, [height, width, 3]. Throws where it is broken or ends too early. */
export async function decodeJpeg2000(bytes: Buffer, { width, height, channels }: Jpeg2000Header): Promise<Uint8Array> {
  const end = bytes.length - 2;
  if (bytes.readUInt16BE(end) !== END) throw new Error('its codestream ends too early');
  const { module, lines } = await (codec ??= open());
  const decoder = new module.J2KDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { bitsPerSample, componentCount, isSigned, ...size } = decoder.getFrameInfo();
    const read = decoder.getDecodedBuffer();
    const deep = bitsPerSample > 8;
    const expected = width * height * componentCount * (deep ? 2 : 1);
    const fits = size.width === width && size.height === height && componentCount >= channels;
    if (!fits || ![1, 3, 4].includes(componentCount) || isSigned || read.length !== expected || lines.length > 0)
      throw new Error(lines[0] ?? 'what was decoded is not what its header says');
    const samples = deep ? new Uint16Array(read.buffer, read.byteOffset, read.length / 2) : read;
    const shift = Math.max(0, bitsPerSample - 8);
    const rgb = new Uint8Array(width * height * 3);
    const step = componentCount === 1 ? 0 : 1;
    for (let y = 0, o = 0; y < height; y++)
      for (let x = 0, i = y * width * componentCount; x < width; x++, i += step ? 3 : 1)
        for (let c = 0; c < 3; c++) rgb[o++] = samples[i + step * c] >> shift;
    return rgb;
  } catch (error) {
    codec = undefined; // after a fault its memory is not to be trusted
    throw error instanceof Error ? error : new Error(lines[0] ?? 'OpenJPEG refuses it');
  } finally {
    if (codec) decoder.delete();
  }
}
