/**
 * The directory of a zip, read by yauzl from an open file. yauzl hands the offsets that stand in a
 * file to Node, which throws at those beyond 2^53 where nobody can catch it; here every read is held
 * to the file first.
 */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fromRandomAccessReaderPromise, RandomAccessReader, type Options, type ZipFile } from 'yauzl';

const PIECE = 1 << 16;

class FileReader extends RandomAccessReader {
  constructor(private readonly file: FileHandle, private readonly size: number) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.fill(buffer.subarray(offset, offset + length), position).then(
      () => callback(null),
      (error: Error) => callback(error),
    );
  }

  /** @param end first byte that is not read */
  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.pieces(start, end), { objectMode: false });
  }

  private async *pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let position = start; position < end; position += PIECE) {
      const piece = Buffer.alloc(Math.min(PIECE, end - position));
      await this.fill(piece, position);
      yield piece;
    }
  }

  private async fill(target: Buffer, position: number): Promise<void> {
    if (!(position >= 0 && position + target.length <= this.size))
      throw new Error(`${target.length} bytes at ${position} lie outside of its ${this.size} bytes`);
    for (let done = 0; done < target.length;) {
      const { bytesRead } = await this.file.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) throw new Error(`it ended at byte ${position + done}`);
      done += bytesRead;
    }
  }
}

/** Opens the zip in `file`, which stays the caller's to close. Throws where it is none. */
export async function openArchive(file: FileHandle, options: Options = {}): Promise<ZipFile> {
  const { size } = await file.stat();
  return fromRandomAccessReaderPromise(new FileReader(file, size), size, {
    ...options,
    lazyEntries: true,
    autoClose: false,
  });
}
