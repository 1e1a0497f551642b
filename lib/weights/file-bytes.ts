/**
 * Reading a file by position: whole ranges into typed arrays, and byte by byte through a small
 * window.
 */
import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** The most bytes read or written by one call: the system's limit is 2 GiB. */
export const CHUNK = 1 << 26;

/** Opens `path` for reading while `use` runs. */
export async function withFile<T>(path: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await use(file, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

/** Fills `target` from `position` on; throws naming the file where it ends before. */
export async function readBytes(file: FileHandle, path: string, target: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await file.read(target, done, Math.min(CHUNK, target.length - done), position + done);
    if (bytesRead === 0)
      throw new Error(`${path}: ended at byte ${position + done}; was it changed while it was read?`);
    done += bytesRead;
  }
}

const WINDOW = 1 << 16;

/** Takes a part of a file piece after piece, with no more than a window of it in memory. */
export class ByteReader {
  private readonly window = Buffer.alloc(WINDOW);
  private windowStart = 0;
  private windowEnd = 0;

  /** @param end first byte that is not read; @param path for errors */
  constructor(
    private readonly descriptor: number,
    readonly path: string,
    public position: number,
    readonly end: number,
  ) {}

  private fill(): void {
    this.windowStart = this.position;
    const read = readSync(this.descriptor, this.window, 0, Math.min(WINDOW, this.end - this.position), this.position);
    this.windowEnd = this.position + read;
  }

  /** The next byte. */
  byte(): number {
    if (this.position >= this.windowEnd || this.position < this.windowStart) {
      if (this.position < this.end) this.fill();
      if (this.position >= this.windowEnd) throw new Error(`${this.path}: cut off at byte ${this.position}`);
    }
    return this.window[this.position++ - this.windowStart];
  }

  /** The next `count` bytes, in a buffer of their own. */
  bytes(count: number): Buffer {
    if (!(count >= 0) || count > this.end - this.position)
      throw new Error(
        `${this.path}: cut off: ${count} bytes expected at byte ${this.position}, ${this.end - this.position} are left`,
      );
    const result = Buffer.alloc(count);
    for (let done = 0; done < count;) {
      const read = readSync(this.descriptor, result, done, Math.min(CHUNK, count - done), this.position + done);
      if (read === 0) throw new Error(`${this.path}: cut off at byte ${this.position + done}`);
      done += read;
    }
    this.position += count;
    return result;
  }

  /** Text up to a line feed, without it. */
  line(): string {
    const bytes: number[] = [];
    for (let next = this.byte(); next !== 10; next = this.byte()) bytes.push(next);
    return Buffer.from(bytes).toString('utf8');
  }
}
