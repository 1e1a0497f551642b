/**
 * Files that are either the old one or the whole new one, never half of it: written beside their
 * final place, forced to disk, then renamed. What a process killed in the middle leaves is a `.tmp`
 * file that nobody reads.
 */
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { writeError } from './disk';

/**
 * Writes the file `path` through `write`, which appends to the handle it is given.
 * When `write` or the disk fails, the error is passed on, the temporary file is removed and the old
 * file stays.
 */
export async function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx').catch((error: unknown) => {
    throw writeError(error, path);
  });
  try {
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw writeError(error, path);
  }
  await syncFolder(dirname(path));
}

/**
 * Makes the rename itself survive a power cut; some file systems cannot, and then there is nothing
 * to do.
 */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The file is in place all the same.
  }
}
