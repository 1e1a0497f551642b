/**
 * Whether a copy of COCO is whole. What this project unpacked is compared with the lengths and CRCs
 * of the zips; of a copy from elsewhere every picture of the annotation file is decoded and its
 * size compared.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { byteProgress, type OpenProgress } from '../download/byte-progress';
import { crc32 } from '../download/crc32';
import { cocoArchives, readReceipt, writeReceipt, type CocoArchive, type Receipt } from './archives';
import { openCoco } from './dataset';
import { decodeChecked } from './image';
import { DatasetError } from './problems';

export interface CocoVerifyOptions {
  folder: string;
  archives?: readonly CocoArchive[];
  signal?: AbortSignal;
  progress?: OpenProgress;
  say?(line: string): void;
}

/**
 * One line a missing or damaged file; none where all is well. What is found is remembered, and the
 * next download replaces it.
 */
export async function verifyCoco({
  folder,
  archives = cocoArchives,
  signal,
  progress,
  say = () => {},
}: CocoVerifyOptions): Promise<string[]> {
  const problems: string[] = [];
  for (const archive of archives) {
    const receipt = readReceipt(folder, archive);
    if (!receipt && archive.part === 'annotations') continue; // read with the pictures of a split
    const found = receipt
      ? await byReceipt(folder, archive, receipt, progress, signal)
      : await byAnnotations(folder, archive.folder, progress, signal);
    say(
      `${archive.part}: ${found.length === 0 ? 'whole' : `${found.length} missing or damaged`}, by ` +
        `${receipt ? "the zip's lengths and CRCs" : 'decoding every picture of the annotation file'}`,
    );
    problems.push(...found);
  }
  return problems;
}

async function byReceipt(
  folder: string,
  archive: CocoArchive,
  receipt: Receipt,
  progress?: OpenProgress,
  signal?: AbortSignal,
): Promise<string[]> {
  const display = byteProgress(
    progress,
    `verifying ${archive.part}`,
    receipt.files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const problems = new Map<string, string>();
  let done = 0;
  try {
    for (const { name, bytes, crc } of receipt.files) {
      signal?.throwIfAborted();
      let length = 0;
      let found = 0;
      try {
        for await (const piece of createReadStream(join(folder, name), {
          highWaterMark: 1 << 20,
        }) as AsyncIterable<Buffer>) {
          found = crc32(piece, found);
          length += piece.length;
        }
        if (length !== bytes) problems.set(name, `${name} has ${length} bytes in place of ${bytes}`);
        else if (found !== crc) problems.set(name, `${name} has other bytes than in the zip (CRC)`);
      } catch (error) {
        problems.set(
          name,
          (error as NodeJS.ErrnoException).code === 'ENOENT'
            ? `${name} is missing`
            : `${name} cannot be read (${(error as Error).message})`,
        );
      }
      display.update((done += bytes));
    }
  } finally {
    display.stop();
  }
  await writeReceipt(folder, archive, { ...receipt, damaged: [...problems.keys()] });
  return [...problems.values()];
}

/** Pictures decoded at the same time. */
const AT_ONCE = 8;

async function byAnnotations(
  folder: string,
  split: string,
  progress?: OpenProgress,
  signal?: AbortSignal,
): Promise<string[]> {
  const dataset = openCoco(folder, split, { skipBad: true });
  const ofPictures = new Set(['missing-image', 'bad-image', 'image-size']);
  const problems = dataset.problems.filter(({ kind }) => ofPictures.has(kind)).map(({ message }) => message);
  const display = progress?.(`verifying ${split}`, dataset.images.length);
  try {
    for (let start = 0; start < dataset.images.length; start += AT_ONCE) {
      signal?.throwIfAborted();
      await Promise.all(
        dataset.images.slice(start, start + AT_ONCE).map((image) =>
          decodeChecked(dataset.fileOf(image), image).catch((error: unknown) => {
            if (!(error instanceof DatasetError)) throw error;
            problems.push(...error.problems.map(({ message }) => message));
          }),
        ),
      );
      display?.update(Math.min(start + AT_ONCE, dataset.images.length));
    }
  } finally {
    display?.stop();
  }
  return problems;
}
