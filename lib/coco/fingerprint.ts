/**
 * What a data set is, in 16 hexadecimal digits for its annotations and 16 for its pictures: an
 * artefact made from it is used only while both are the same.
 *
 * Covered is what was read of the annotation file, and of each picture in the file's order: name,
 * size and all bytes. Of a set of more than `WHOLE` bytes in all (COCO has 19 GB) it is name, size,
 * date and the first and last 4 KB, which takes seconds in place of minutes; copy such a set with
 * its dates (`cp -p`, `rsync -t`).
 */
import { createHash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import type { CocoDataset } from './dataset';

export interface DataFingerprint {
  annotations: string;
  pictures: string;
}

const WHOLE = 1e9; // bytes
const AT_ONCE = 64; // files under way
const END = 4096; // bytes

/** The fingerprint of a data set as it lies on the disk now. */
export async function fingerprintOfData(dataset: CocoDataset, whole = WHOLE): Promise<DataFingerprint> {
  const files = dataset.images.map((image) => ({ name: image.file_name, path: dataset.fileOf(image) }));
  const facts = await inOrder(files, async ({ path }) => {
    const found = await stat(path);
    if (!found.isFile()) throw new Error(`${path} is no picture: it is not a regular file`);
    return found;
  });
  const all = facts.reduce((sum, { size }) => sum + size, 0) <= whole;
  const pictures = createHash('sha256');
  const digests = await inOrder(files, async ({ name, path }, i) => {
    const { size, mtimeMs } = facts[i];
    const hash = createHash('sha256').update(JSON.stringify(all ? [name, size] : [name, size, mtimeMs]));
    return hash.update(all ? await readFile(path) : await ends(path, size)).digest();
  });
  for (const digest of digests) pictures.update(digest);
  const annotations = createHash('sha256').update(JSON.stringify(dataset.instances));
  const short = (hash: typeof annotations): string => hash.digest('hex').slice(0, 16);
  return { annotations: short(annotations), pictures: short(pictures) };
}

/** The first and the last bytes of a file. */
async function ends(path: string, size: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(2 * END);
    await file.read(bytes, 0, END, 0);
    await file.read(bytes, END, END, Math.max(0, size - END));
    return bytes;
  } finally {
    await file.close();
  }
}

/** `body` of every item, a few at once; the results in the items' order. */
async function inOrder<T, R>(items: readonly T[], body: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE)
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map((item, i) => body(item, start + i)))));
  return results;
}
