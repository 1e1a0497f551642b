/** Whether something large still fits on the disk, asked before it is begun. */
import { statfs } from 'node:fs/promises';

/** Bytes as people read them: "19.34 GB", "241 MB". */
export function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${bytes} bytes`;
}

/** Throws unless `bytes` are free on the disk of `folder`, which exists. */
export async function requireSpace(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes)
    throw new Error(
      `${what} needs ${sizeText(bytes)} on the disk of ${folder}, where ` +
        `${sizeText(free)} are free; make room, or choose another place with --to`,
    );
}
