/**
 * Unpacks a zip that may be hostile or damaged: names stay inside the folder, nothing but plain
 * files is made, and a file gets its name only when its length and CRC are those of the zip's
 * directory. A second call goes on where the first one stopped.
 */
import { statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Entry, ZipFile } from 'yauzl';
import { openArchive } from '../core/zip-archive';
import { byteProgress, type OpenProgress } from './byte-progress';
import { crc32 } from './crc32';
import { requireSpace } from '../core/disk';
import { PART, requireSafeNames } from './zip-names';

/** One file as the zip's directory has it. */
export interface ZipEntry {
  /** Path inside the folder, with slashes. */
  name: string;
  bytes: number;
  crc: number;
}

export interface UnzipOptions {
  /** Which files, by their names in the zip; default all. */
  select?(name: string): boolean;
  /** Files that are to be written even where one of that name and length is there. */
  replace?: ReadonlySet<string>;
  signal?: AbortSignal;
  progress?: OpenProgress;
}

/** Files that are unpacked at the same time: they wait for the disk by turns. */
const LANES = 4;

/**
 * @returns what was unpacked or was there already; throws naming the zip and its entry, and then no
 * file is half written
 */
export async function unzip(
  zip: string,
  folder: string,
  { select = () => true, replace, signal, progress }: UnzipOptions = {},
): Promise<ZipEntry[]> {
  const file = await open(zip, 'r');
  try {
    const archive = await openArchive(file, { strictFileNames: true }).catch((error: Error) => {
      throw new Error(`${zip} is no zip that can be read: ${error.message}`);
    });
    const entries = (await directory(archive, zip, folder)).filter(({ fileName }) => select(fileName));
    const missing = entries.filter(({ fileName, uncompressedSize }) => {
      const there = statSync(join(folder, fileName), { throwIfNoEntry: false });
      if (there?.isDirectory()) throw new Error(`${zip}: its entry ${fileName} is a folder in ${folder}; move it away`);
      return replace?.has(fileName) || there?.size !== uncompressedSize;
    });
    const total = missing.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
    await mkdir(folder, { recursive: true });
    await requireSpace(folder, total, `unpacking ${basename(zip)}`);
    await Promise.all(
      [...new Set(missing.map(({ fileName }) => dirname(join(folder, fileName))))].map((path) =>
        mkdir(path, { recursive: true }),
      ),
    );
    const display = byteProgress(missing.length ? progress : undefined, `unpacking ${basename(zip)}`, total);
    let done = 0;
    const failures: unknown[] = [];
    const queue = missing.values();
    const lane = async (): Promise<void> => {
      for (const entry of queue) {
        if (failures.length > 0 || signal?.aborted) return;
        await extract(archive, zip, entry, join(folder, entry.fileName)).then(
          () => display.update((done += entry.uncompressedSize)),
          (error: unknown) => failures.push(error),
        );
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    display.stop();
    if (failures.length > 0) throw failures[0];
    signal?.throwIfAborted();
    return entries.map(({ fileName, uncompressedSize, crc32: crc }) => ({
      name: fileName,
      bytes: uncompressedSize,
      crc,
    }));
  } finally {
    await file.close();
  }
}

/** All files of the zip, none of which can do harm. */
async function directory(archive: ZipFile, zip: string, folder: string): Promise<Entry[]> {
  const entries = new Map<string, Entry>();
  const folders: string[] = [];
  try {
    for await (const entry of archive.eachEntry()) {
      const { fileName } = entry;
      if (fileName.endsWith('/')) {
        folders.push(fileName.slice(0, -1));
        continue;
      }
      const kind = entry.versionMadeBy >>> 8 === 3 ? (entry.externalFileAttributes >>> 28) & 15 : 0; // Unix: S_IFMT
      if (kind !== 0 && kind !== 8) throw new Error(`${fileName} is a link or a device, not a plain file`);
      if (entry.isEncrypted()) throw new Error(`${fileName} is encrypted`);
      if (entries.has(fileName)) throw new Error(`${fileName} occurs twice`);
      entries.set(fileName, entry);
    }
    requireSafeNames([...entries.keys()], folders, folder);
  } catch (error) {
    throw new Error(`${zip} is not unpacked: ${(error as Error).message}`);
  }
  return [...entries.values()];
}

async function extract(archive: ZipFile, zip: string, entry: Entry, path: string): Promise<void> {
  const temporary = path + PART;
  await rm(temporary, { force: true }); // of a run that was killed; a link there is removed, not followed
  const file = await open(temporary, 'wx');
  try {
    try {
      let crc = 0;
      const wrong = (what: string): Error =>
        new Error(`${zip}: its entry ${entry.fileName} ${what}; remove the zip, and it is downloaded again`);
      const stream = await archive.openReadStreamPromise(entry).catch((error: Error) => {
        throw wrong(`cannot be read (${error.message})`);
      });
      const pieces = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await pieces.next().catch((error: Error) => {
          throw wrong(`is damaged (${error.message})`);
        });
        if (done) break;
        crc = crc32(value, crc);
        await file.writeFile(value); // from where the last one ended
      }
      if (crc !== entry.crc32)
        throw wrong(`is damaged (its CRC is ${crc.toString(16)} in place of ${entry.crc32.toString(16)})`);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      throw new Error(`the disk of ${path} is full; make room, and the same command goes on from there`);
    throw error;
  }
}
