/**
 * Small data sets in COCO's layout, written to a temporary folder that goes when the test file
 * ends.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import sharp from 'sharp';

export interface Row {
  [field: string]: unknown;
}

export interface File {
  images: Row[];
  annotations: Row[];
  categories: Row[];
}

/** A new temporary folder. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'freekd-coco-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Bytes of a picture whose pixels differ by `id` and position. */
export function picture(id: number, width: number, height: number, format: 'jpg' | 'png' = 'png'): Promise<Buffer> {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (id * 31 + i * 7 + (i % 3) * 50) % 256);
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return (format === 'jpg' ? image.jpeg() : image.png()).toBuffer();
}

/** Sizes of the fixture's pictures: landscape, portrait and square ones. */
export const SIZES = [
  [40, 30],
  [30, 40],
  [32, 32],
  [48, 24],
  [24, 48],
  [40, 30],
  [33, 17],
  [20, 30],
  [40, 40],
  [31, 47],
  [64, 48],
] as const;

/**
 * Writes split `train` with pictures of ids 1 to 11 and sizes `SIZES`: 5.jpg is a JPEG, the others
 * PNGs; picture 3 has no annotation, picture 4 a crowd only, the others a box of category 20 and a
 * crowd of category 10. `edit` changes the annotation file before it is written.
 */
export async function writeFixture(edit: (file: File) => void = () => undefined): Promise<string> {
  const folder = temporary();
  mkdirSync(join(folder, 'annotations'));
  mkdirSync(join(folder, 'train'));
  const file: File = { images: [], annotations: [], categories: [{ id: 10, name: 'cell' }, { id: 20, name: 'dog' }] };
  for (const [i, [width, height]] of SIZES.entries()) {
    const id = i + 1;
    const format = id === 5 ? 'jpg' : 'png';
    writeFileSync(join(folder, 'train', `${id}.${format}`), await picture(id, width, height, format));
    file.images.push({ id, file_name: `${id}.${format}`, width, height });
    const box = { image_id: id, category_id: 20, bbox: [2, 3, 10, 8], area: 80, iscrowd: 0 };
    if (id !== 3 && id !== 4) file.annotations.push({ id: 100 + id, ...box });
    if (id !== 3) file.annotations.push({ id: 200 + id, ...box, category_id: 10, iscrowd: 1 });
  }
  edit(file);
  writeFileSync(join(folder, 'annotations', 'instances_train.json'), JSON.stringify(file));
  return folder;
}
