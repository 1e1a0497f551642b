/**
 * BMP files to RGB as OpenCV reads them: 1, 4 and 8 bits with a palette, run-length encoded ones
 * too, 16 bits as 5-5-5 or 5-6-5, 24 and 32 bits; alpha is dropped. (sharp reads none of them, and
 * the decoders on npm were found to take some of these wrongly or not at all.)
 *
 * Layout: 14 bytes of file header, the information header with sizes and depth, masks or a palette,
 * then rows of pixels, bottom row first unless the height is negative, each padded to 4 bytes.
 */

/** Values of the field "compression". */
const [RGB, RLE8, RLE4, BIT_FIELDS] = [0, 1, 2, 3];
/** Bits that a pixel of each may have. */
const DEPTHS = [[1, 4, 8, 16, 24, 32], [8], [4], [16, 32]];
const FILE_HEADER = 14;

export interface BmpHeader {
  width: number;
  height: number;
  bits: number;
  compression: number;
  topDown: boolean;
  /** [colours * 3]: R, G, B; empty above 8 bits. */
  palette: Uint8Array;
  /** Bits of red, green and blue in a pixel of 16 or 32 bits. */
  masks: number[];
  /** Byte at which the pixels begin. */
  start: number;
}

/** The header of a BMP file, of which `bytes` holds the first kilobytes at least. */
export function bmpHeader(bytes: Buffer): BmpHeader {
  const size = bytes.readUInt32LE(FILE_HEADER);
  const old = size === 12; // OS/2's: sides of 16 bits, palette of 3 bytes
  if (!old && size < 40) throw new Error(`its BMP header of ${size} bytes is of no known kind`);
  const width = old ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const tall = old ? bytes.readInt16LE(20) : bytes.readInt32LE(22);
  const bits = bytes.readUInt16LE(old ? 24 : 28);
  const compression = old ? RGB : bytes.readUInt32LE(30);
  if (!DEPTHS[compression]?.includes(bits))
    throw new Error(`a BMP of ${bits} bits and compression ${compression} is not read`);
  const after = FILE_HEADER + size;
  const used = old ? 0 : bytes.readUInt32LE(46);
  const colours = bits > 8 ? 0 : used || 2 ** bits;
  if (colours > 256) throw new Error(`its palette has ${colours} colours, more than 256`);
  const entry = old ? 3 : 4;
  const palette = new Uint8Array(3 * 256); // an index beyond the palette is black
  for (let i = 0; i < colours; i++)
    for (let c = 0; c < 3; c++) palette[3 * i + c] = bytes.readUInt8(after + entry * i + 2 - c);
  // Of 32 bits OpenCV heeds the masks only where the header itself holds them.
  const masked = compression === BIT_FIELDS && (bits === 16 || size > 40);
  const usual = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  const masks = masked ? [0, 4, 8].map((at) => bytes.readUInt32LE(FILE_HEADER + 40 + at)) : usual;
  const start = bytes.readUInt32LE(10);
  return { width, height: Math.abs(tall), bits, compression, topDown: tall < 0, palette, masks, start };
}

/** The pixels of a whole BMP file, [height, width, 3]. Throws where it ends too early. */
export function decodeBmp(bytes: Buffer, header: BmpHeader): Uint8Array {
  const { width, height, bits, compression, topDown, palette, start } = header;
  if (compression === RLE8 || compression === RLE4) return decodeRuns(bytes, header);
  const stride = 4 * Math.ceil((width * bits) / 32);
  if (start + stride * height > bytes.length) throw new Error('it ends too early');
  const rgb = new Uint8Array(width * height * 3);
  const channels = header.masks.map((mask) => channelOf(mask, bits));
  for (let y = 0; y < height; y++) {
    const row = start + stride * y;
    let o = 3 * width * (topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++, o += 3) {
      if (bits <= 8) {
        const byte = bytes[row + ((x * bits) >> 3)];
        const index = (byte >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1);
        for (let c = 0; c < 3; c++) rgb[o + c] = palette[3 * index + c];
      } else if (bits === 24) {
        for (let c = 0; c < 3; c++) rgb[o + c] = bytes[row + 3 * x + 2 - c];
      } else {
        const value = bits === 16 ? bytes.readUInt16LE(row + 2 * x) : bytes.readUInt32LE(row + 4 * x);
        for (let c = 0; c < 3; c++) rgb[o + c] = channels[c](value);
      }
    }
  }
  return rgb;
}

/**
 * A channel of a pixel, by the bits that hold it, in 8 bits: shifted up in pixels of 16 bits,
 * scaled in those of 32.
 */
function channelOf(mask: number, bits: number): (value: number) => number {
  const low = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  const length = 32 - Math.clz32(mask >>> low);
  const most = Math.max(2 ** length - 1, 1);
  if (bits === 16) return (value) => (((value & mask) >>> low) << 8) >> length;
  return (value) => Math.floor((((value & mask) >>> low) * 255) / most);
}

/**
 * Runs of one colour (of two alternating ones in 4 bits), literal stretches, and jumps, whose
 * skipped pixels have the palette's first colour.
 */
function decodeRuns(bytes: Buffer, { width, height, bits, topDown, palette, start }: BmpHeader): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  rgb.set(palette.subarray(0, 3));
  for (let done = 3; done < rgb.length; done *= 2) rgb.copyWithin(done, 0, done);
  let [at, x, y] = [start, 0, 0];
  const byte = (): number => {
    if (at >= bytes.length) throw new Error('it ends too early');
    return bytes[at++];
  };
  /** The n-th colour index from `from` on: a byte each, or half of one. */
  const put = (index: number): void => {
    if (x >= width || y >= height) throw new Error('one of its rows is longer than the picture is wide');
    const o = 3 * (width * (topDown ? y : height - 1 - y) + x++);
    for (let c = 0; c < 3; c++) rgb[o + c] = palette[3 * index + c];
  };
  const half = (value: number, i: number): number => (bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15);
  while (y < height) {
    const count = byte();
    const what = byte();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(half(what, i));
    } else if (what === 0) {
      x = 0;
      y++;
    } else if (what === 1) {
      break;
    } else if (what === 2) {
      x += byte();
      y += byte();
    } else {
      const from = at;
      let value = 0;
      for (let i = 0; i < what; i++) {
        if (bits === 8 || i % 2 === 0) value = byte();
        put(half(value, i));
      }
      at += (at - from) % 2; // padded to two bytes
    }
  }
  return rgb;
}
