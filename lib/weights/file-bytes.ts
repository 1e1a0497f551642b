/**
 * Reading a file by position: whole ranges into typed arrays, and byte by byte through a small
 * window.
 */
import { readSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';

/** The most bytes read or written by one call: the system's limit is 2 GiB. */
export const CHUNK = 1 << 26;

/** Opens `path` for reading while `use` runs; throws naming what is no plain file. */
export async function withFile<T>(path: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  if (!(await stat(path)).isFile()) throw new Error(`${path}: a file expected, found a folder or a device`);
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
/** The longest line of text: no checkpoint has one of a thousandth of it. */
const LONGEST_LINE = 1 << 24;
const LINE_FEED = 10;

/** Takes a part of a file piece after piece, with no more than a window of it in memory. */
export class ByteReader {
  /** Made at the first use: many readers never read. */
  private buffer: Buffer | undefined;
  /** What of the file lies in the buffer. */
  private window: Buffer = Buffer.alloc(0);
  /** Where the window's first byte lies in the file. */
  private windowStart = 0;

  /** @param end first byte that is not read; @param path for errors */
  constructor(
    private readonly descriptor: number,
    readonly path: string,
    public position: number,
    readonly end: number,
  ) {}

  /** What of the file lies in memory from `position` on: at least one byte. */
  private ahead(): Buffer {
    const at = this.position - this.windowStart;
    if (at >= 0 && at < this.window.length) return this.window.subarray(at);
    const wanted = Math.min(WINDOW, this.end - this.position);
    this.buffer ??= Buffer.alloc(WINDOW);
    const read = wanted > 0 ? readSync(this.descriptor, this.buffer, 0, wanted, this.position) : 0;
    if (read === 0) throw new Error(`${this.path}: cut off at byte ${this.position}`);
    this.windowStart = this.position;
    return (this.window = this.buffer.subarray(0, read));
  }

  /** The next byte. */
  byte(): number {
    const at = this.position - this.windowStart;
    const value = at >= 0 && at < this.window.length ? this.window[at] : this.ahead()[0];
    this.position++;
    return value;
  }

  /** The next `count` bytes, in a buffer of their own. */
  bytes(count: number): Buffer {
    if (!(count >= 0) || count > this.end - this.position)
      throw new Error(
        `${this.path}: cut off: ${count} bytes expected at byte ${this.position}, ${this.end - this.position} are left`,
      );
    const result = Buffer.alloc(count);
    for (let done = 0; done < count;) {
      if (count - done < WINDOW) {
        const copied = this.ahead().copy(result, done);
        this.position += copied;
        done += copied;
        continue;
      }
      const read = readSync(this.descriptor, result, done, Math.min(CHUNK, count - done), this.position);
      if (read === 0) throw new Error(`${this.path}: cut off at byte ${this.position}`);
      this.position += read;
      done += read;
    }
    return result;
  }

  /** The bytes up to a line feed, without it. */
  line(): Buffer {
    const start = this.position;
    const parts: Buffer[] = [];
    for (;;) {
      const ahead = this.ahead();
      const length = ahead.indexOf(LINE_FEED);
      parts.push(Buffer.from(length < 0 ? ahead : ahead.subarray(0, length)));
      this.position += length < 0 ? ahead.length : length + 1;
      if (length >= 0) return Buffer.concat(parts);
      if (this.position - start > LONGEST_LINE)
        throw new Error(`${this.path}: a line of text at byte ${start} is longer than ${LONGEST_LINE} bytes`);
    }
  }
}
