/** What a disk has room for, asked before something large is begun, and what a failed write means. */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Bytes as people read them: "19.34 GB", "241 MB". */
export function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${bytes} bytes`;
}

/** Throws unless `bytes` are free on the disk of `folder`, which exists. */
export async function requireSpace(
  folder: string,
  bytes: number,
  what: string,
  remedy = 'choose another place with --to',
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes)
    throw new Error(
      `${what} needs ${sizeText(bytes)} on the disk of ${folder}, where ` +
        `${sizeText(free)} are free; make room, or ${remedy}`,
    );
}

const full = 'its disk has no room left: free some, then go on with --resume';
const forbidden = 'this user may not write there: choose another folder';
const REASONS: Record<string, string> = {
  ENOSPC: full,
  EDQUOT: full.replace('disk', 'quota'),
  EROFS: 'its disk is read-only: choose another folder',
  EACCES: forbidden,
  EPERM: forbidden,
  EEXIST: 'a file of this name is there: choose another folder',
  ENOTDIR: 'a part of its path is a file, not a folder: choose another folder',
  ENOENT: 'no folder can be made there: choose another folder',
  ENAMETOOLONG: 'its name is too long: choose another folder',
};

/** The error of a write that failed, with the file's name, the reason and what to do about it. */
export function writeError(error: unknown, file: string): Error {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reason = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  if (reason === undefined) return error instanceof Error ? error : new Error(message);
  return Object.assign(new Error(`${file} cannot be written, ${reason} (${code})`), { code });
}

/** As `mkdir -p`, which in Node never ends where a file system such as /proc says ENOENT. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error; // else made meanwhile
  }
}

/**
 * Makes `folder` where it is missing, and tries whether a megabyte can be written in it.
 * @throws Error naming the folder, the reason and what to do
 */
export function requireWritable(folder: string): void {
  const probe = join(folder, `.probe-${process.pid}`);
  try {
    makeFolder(folder);
    writeFileSync(probe, Buffer.alloc(2 ** 20), { flush: true });
  } catch (error) {
    throw writeError(error, folder);
  }
  rmSync(probe);
}
