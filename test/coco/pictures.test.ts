/**
 * Decoding, resizing and the whole way from file to network input, against OpenCV
 * (test/golden/pictures.py).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { decode, decodeChecked } from '../../lib/dist/coco/image';
import { crc32 } from '../../lib/dist/download/crc32';
import { resizeBilinear } from '../../lib/dist/coco/resize';
import { resizeAntialias } from '../../lib/dist/coco/resize-antialias';
import { inputSize, paddedSize } from '../../lib/dist/coco/input-size';
import { fill, IMAGENET, normalizationTable, originOf, targetOf } from '../../lib/dist/coco/transforms';

/** A PNG of `side` x `side` black pixels of one bit. */
function zerosPng(side: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const content = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, check]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  const rows = deflateSync(Buffer.alloc(side * (1 + Math.ceil(side / 8))));
  const begin = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([begin, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

interface Encoded {
  width: number;
  height: number;
  rgb: string;
}

const golden = JSON.parse(readFileSync(join(__dirname, '../golden/pictures.json'), 'utf8')) as {
  decoded: (Encoded & { name: string; file: string })[];
  source: Encoded;
  resized: Encoded[];
  sizes: number[][];
  pipeline: { long: number; short: number; width: number; height: number; input: string };
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const source = { ...golden.source, data: bytes(golden.source.rgb) };
const folder = mkdtempSync(join(tmpdir(), 'freekd-pictures-'));
after(() => rmSync(folder, { recursive: true }));

const others = JSON.parse(readFileSync(join(__dirname, '../golden/picture_files.json'), 'utf8')) as {
  decoded: (Encoded & { name: string; file: string })[];
};

for (const { name, file, width, height, rgb } of [...golden.decoded, ...others.decoded]) {
  test(`decodes ${name} as OpenCV`, async () => {
    const path = join(folder, name);
    writeFileSync(path, bytes(file));
    const picture = await decode(path);
    assert.deepEqual([picture.width, picture.height], [width, height]);
    assert.deepEqual(new Uint8Array(picture.data), bytes(rgb));
  });
}

test('a BMP or JPEG 2000 file that ends too early is refused wherever it ends', async () => {
  const path = join(folder, 'cut');
  for (const { name, file } of others.decoded.filter(({ name }) => /(bmp|jp2)$/.test(name))) {
    const whole = bytes(file);
    for (let part = 0; part < 1; part += 1 / 16) {
      writeFileSync(path, whole.subarray(0, Math.floor(part * whole.length)));
      await assert.rejects(decode(path), /^Error: (it|its) .*/, `${name} ${part}`);
    }
  }
});

test('what no decoder should see is refused by its first bytes, whatever its name', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
  const refused: [name: string, content: string | Buffer, message: RegExp][] = [
    ['svg.jpg', svg, /it is text such as SVG; JPEG, PNG/],
    ['xml.png', `<?xml version="1.0"?>${svg}`, /it is text such as SVG/],
    ['mark.png', `\uFEFF\n ${svg}`, /it is text such as SVG/],
    ['svgz.png', gzipSync(svg), /its first bytes are of no known kind/],
    ['pdf.jpg', '%PDF-1.7', /no known kind/],
    ['vips.png', Buffer.from('b6a6f208000000', 'hex'), /no known kind/],
    ['empty.png', '', /no known kind/],
  ];
  for (const [name, content, message] of refused) {
    writeFileSync(join(folder, name), content);
    await assert.rejects(decode(join(folder, name)), message, name);
  }
  execFileSync('mkfifo', [join(folder, 'pipe.png')]);
  await assert.rejects(decode(join(folder, 'pipe.png')), /it is no regular file/);
  await assert.rejects(decode(folder), /it is no regular file/);
});

test('a size that is not that of the annotation file, or beyond all measure, costs no memory', async () => {
  const bomb = join(folder, 'bomb.png');
  writeFileSync(bomb, zerosPng(16383));
  const before = process.memoryUsage.rss();
  const image = { id: 7, file_name: 'bomb.png', width: 64, height: 48 };
  const tooLarge = /bomb\.png \(image 7\) cannot be decoded \(its header says 16383x16383, and at most 134217728/;
  await assert.rejects(decodeChecked(bomb, image), tooLarge);
  writeFileSync(bomb, zerosPng(11000));
  await assert.rejects(decodeChecked(bomb, image), /is 11000x11000, but the annotation file says 64x48/);
  const { file } = others.decoded.find(({ name }) => name === '8-rle.bmp')!;
  const tall = Buffer.from(file, 'base64');
  tall.writeInt32LE(5_000_000, 22);
  writeFileSync(bomb, tall);
  await assert.rejects(decodeChecked(bomb, image), /is 19x5000000, but/);
  assert.ok(process.memoryUsage.rss() - before < 100e6);
});

for (const { width, height, rgb } of golden.resized) {
  test(`resizes 64x48 to ${width}x${height} as OpenCV`, () => {
    assert.deepEqual(resizeBilinear(source, width, height).data, bytes(rgb));
  });
}

test('a picture of the right size is not touched', async () => {
  assert.equal(resizeBilinear(source, 64, 48), source);
  assert.equal(await resizeAntialias(source, 64, 48), source);
});

test('antialiased shrinking keeps a fine chequerboard grey, plain shrinking does not', async () => {
  const data = Uint8Array.from({ length: 90 * 90 * 3 }, (_, i) => ((Math.floor(i / 3) % 90) % 3 === 1 ? 255 : 0));
  const spread = (values: Uint8Array): number => Math.max(...values.map((value) => Math.abs(value - 85)));
  const board = { width: 90, height: 90, data };
  assert.equal(spread(resizeBilinear(board, 30, 30).data), 170);
  assert.ok(spread((await resizeAntialias(board, 30, 30)).data) < 40);
});

test('keep-ratio sizes are those of mmcv', () => {
  for (const [width, height, longSide, shortSide, w, h] of golden.sizes) {
    assert.deepEqual(inputSize({ width, height }, { longSide, shortSide }), { width: w, height: h });
  }
  assert.deepEqual(inputSize({ width: 640, height: 480 }, { width: 256, height: 192 }), { width: 256, height: 192 });
});

test('resize, flip, normalise and pad give the input mmdet gives', () => {
  const { pipeline } = golden;
  const size = inputSize(source, { longSide: pipeline.long, shortSide: pipeline.short });
  const padded = paddedSize([size], 32);
  assert.deepEqual(padded, { width: pipeline.width, height: pipeline.height });
  const inputs = new Float32Array(padded.width * padded.height * 3);
  fill(inputs, 0, padded.width, resizeBilinear(source, size.width, size.height), true, normalizationTable(IMAGENET));
  assert.deepEqual(inputs, new Float32Array(bytes(pipeline.input).buffer));
});

test("mmdetection's rule: what it does not train on is no target", () => {
  const image = { id: 7, file_name: 'a.jpg', width: 100, height: 50 };
  const annotation = { id: 1, image_id: 7, category_id: 9, area: 1, iscrowd: 0 as const };
  const boxes: [x: number, y: number, w: number, h: number][] = [
    [10, 20, 1, 1],
    [10, 20, 0.99, 30],
    [10, 20, 30, 0.99],
    [-29.5, 20, 30, 10], // half a pixel of it is in the picture; its width as written counts
    [-30, 20, 30, 10],
    [100, 20, 30, 10],
    [99.9999999, 20, 30, 10], // no area left in float32
    [70, 30, 34, 30],
  ];
  const annotations = boxes.map((bbox) => ({ ...annotation, bbox }));
  const more = [{ area: 0 }, { area: -5 }, { ignore: 1 as const }, { iscrowd: 1 as const }].map((change) => ({
    ...annotation,
    bbox: boxes[0],
    ...change,
  }));
  for (const flipped of [false, true]) {
    const origin = originOf(image, { width: 100, height: 50 }, flipped);
    const target = targetOf([...annotations, ...more], origin, new Map([[9, 3]]));
    assert.deepEqual([...target.labels], [3, 3, 3]);
    const expected = flipped
      ? [89, 20, 90, 21, 99.5, 20, 100, 30, 0, 30, 30, 50]
      : [10, 20, 11, 21, 0, 20, 0.5, 30, 70, 30, 100, 50];
    assert.deepEqual([...target.boxes], expected);
  }
});

test('boxes follow the picture, are clipped to it, and crowds are left out', () => {
  const image = { id: 7, file_name: 'a.jpg', width: 100, height: 50 };
  const size = { width: 200, height: 25 };
  const annotation = { id: 1, image_id: 7, category_id: 9, area: 1, iscrowd: 0 as const };
  const annotations = [
    { ...annotation, bbox: [10, 20, 30, 10] as [number, number, number, number] },
    { ...annotation, bbox: [-0.5, 40, 20, 10.75] as [number, number, number, number] },
    { ...annotation, bbox: [0, 0, 5, 5] as [number, number, number, number], iscrowd: 1 as const },
  ];
  const classOf = new Map([[9, 3]]);
  const plain = targetOf(annotations, originOf(image, size, false), classOf);
  assert.deepEqual([...plain.boxes], [20, 10, 80, 15, 0, 20, 39, 25]);
  assert.deepEqual([...plain.labels], [3, 3]);
  const origin = originOf(image, size, true);
  assert.deepEqual([...targetOf(annotations, origin, classOf).boxes], [120, 10, 180, 15, 161, 20, 200, 25]);
  assert.deepEqual(origin, {
    id: 7,
    width: 100,
    height: 50,
    scaleX: 2,
    scaleY: 0.5,
    inputWidth: 200,
    inputHeight: 25,
    flipped: true,
  });
  assert.deepEqual(targetOf([], origin, classOf), { boxes: new Float32Array(0), labels: new Int32Array(0) });
});
