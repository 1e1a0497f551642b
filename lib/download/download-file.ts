/**
 * Downloads one file so that it is either absent or whole: bytes go to `<file>.part`, a broken
 * connection is taken up where it broke off (also by a later call, or after a kill), and only a
 * file of the right length and checksum gets its name.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { byteProgress, type OpenProgress } from './byte-progress';
import { requireSpace, sizeText } from '../core/disk';
import { Part } from './part';
import { PassingError, passing, request } from './response';

export interface Download {
  url: string;
  /** Where it shall lie. */
  file: string;
  /** Its exact size, where that is published. */
  bytes?: number;
  /** Where it is not: no more than this is taken, whatever the server says or sends. */
  most?: number;
  /** In hexadecimal; `digits` may be only the first ones. */
  checksum?: { algorithm: 'md5' | 'sha256'; digits: string };
}

export interface DownloadOptions {
  /** Stops it; what is here stays for the next call. */
  signal?: AbortSignal;
  progress?: OpenProgress;
  /** Free disk that is needed besides the file's own, in bytes. */
  alsoNeeded?: number;
  /** Milliseconds before the first of the further tries; each waits twice as long. Default 1000. */
  wait?: number;
  /** Milliseconds without a byte after which a connection counts as broken. Default 60000. */
  silence?: number;
}

/** Tries that may bring no byte, one after the other. */
const TRIES = 5;

/**
 * Brings `file` here, unless it is: then its length and checksum are looked at.
 * @throws naming the address or the file: the server's answer, a wrong length or checksum, a full
 *   disk, no network after five tries
 */
export async function downloadFile(download: Download, options: DownloadOptions = {}): Promise<void> {
  const { url, file, bytes } = download;
  const { signal, progress, wait = 1000 } = options;
  if (existsSync(file)) {
    const wrong =
      bytes !== undefined && statSync(file).size !== bytes
        ? `has ${statSync(file).size} bytes`
        : await wrongChecksum(download, file, progress, signal);
    if (wrong)
      throw new Error(
        `${file} is not the file that ${url} is known to be (it ${wrong}); remove it, and it is downloaded again`,
      );
    return;
  }
  await mkdir(dirname(file), { recursive: true });
  const part = new Part(file);
  let furthest = part.size(); // what begins anew is no progress: a server that lies could go on so for ever
  for (let failures = 0; ;) {
    try {
      await receive(download, part, options);
      break;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof PassingError)) throw thrown;
      failures = part.size() > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, part.size());
      if (failures >= TRIES)
        throw new Error(
          `${thrown.message} (${TRIES} tries). What is here of ` +
            `${basename(file)} stays: the same command goes on from there.`,
        );
      await sleep(wait * 2 ** (failures - 1), undefined, { signal });
    }
  }
  const wrong = await wrongChecksum(download, part.path, progress, signal);
  if (wrong) {
    await part.discard();
    throw new Error(
      `${url}: what was downloaded ${wrong}; it was damaged on the way, or is another ` +
        'file. It has been removed: try again, or name another mirror',
    );
  }
  await part.finish();
}

/** One request: as many bytes as come. */
async function receive(
  { url, file, bytes, most }: Download,
  part: Part,
  { signal, progress, alsoNeeded = 0, silence = 60_000 }: DownloadOptions,
): Promise<void> {
  const silent = new AbortController();
  const timer = setTimeout(
    () => silent.abort(new PassingError(`${new URL(url).host}: no byte came in ${silence / 1000} seconds`)),
    silence,
  );
  const either = signal ? AbortSignal.any([signal, silent.signal]) : silent.signal;
  try {
    const answer = await request(url, part, either).catch((error: unknown) => {
      throw error instanceof TypeError || silent.signal.aborted
        ? passing(silent.signal.reason ?? error, url, signal)
        : error;
    });
    const { start, state, body } = answer;
    if (bytes !== undefined && state.total !== undefined && state.total !== bytes) {
      throw new Error(
        `${url} has ${state.total} bytes there, but should have ${bytes}: it is ` +
          'another file, or a page of an error; name another mirror',
      );
    }
    const total = state.total ?? bytes;
    const limit = total ?? most ?? Infinity;
    if (limit > (most ?? Infinity)) throw tooLarge(url, most!);
    if (start === undefined) return;
    await requireSpace(dirname(file), (total ?? 0) - start + alsoNeeded, basename(file));
    if (start === 0) await part.begin(state);
    const end = await append(part, start, body ?? [], {
      url,
      title: basename(file),
      total,
      limit,
      signal,
      progress,
      alive: () => timer.refresh(),
    }).catch((error: unknown) => {
      throw silent.signal.aborted ? silent.signal.reason : error;
    });
    if (total !== undefined && end < total)
      throw new PassingError(`${url} broke off after ${sizeText(end)} of ${sizeText(total)}`);
    if (end > limit) {
      await part.discard();
      if (total === undefined) throw tooLarge(url, limit);
      throw new Error(`${url} sends more than the ${total} bytes that it should have`);
    }
  } finally {
    clearTimeout(timer);
    silent.abort(); // closes the connection, where the answer was not wanted
  }
}

const tooLarge = (url: string, most: number): Error =>
  new Error(`${url} sends more than ${sizeText(most)}, which is more than the file can have: it is another file`);

interface Appending {
  url: string;
  title: string;
  total?: number;
  /** Bytes of the whole file; the connection is closed at the first one beyond. */
  limit: number;
  signal?: AbortSignal;
  progress?: OpenProgress;
  /** Called with every piece that comes. */
  alive(): void;
}

/** Writes the body from `start` on; returns where it ended, or that it went beyond the limit. */
async function append(
  part: Part,
  start: number,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { url, title, total, limit, signal, progress, alive }: Appending,
): Promise<number> {
  const file = await open(part.path, 'r+');
  const display = total === undefined ? undefined : byteProgress(progress, title, total, start);
  let position = start;
  try {
    const pieces = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
    for (;;) {
      const next = await Promise.resolve(pieces.next()).catch((error: unknown) => {
        throw passing(error, url, signal);
      });
      if (next.done) break;
      if (position + next.value.length > limit) return limit + 1; // decompressed bytes, where the server compresses
      alive();
      for (let written = 0; written < next.value.length;)
        written += (await file.write(next.value, written, next.value.length - written, position + written))
          .bytesWritten;
      position += next.value.length;
      display?.update(position);
    }
    await file.sync();
    return position;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      throw new Error(`the disk of ${part.path} is full; make room, and the same command goes on from there`);
    throw error;
  } finally {
    display?.stop();
    await file.close();
  }
}

/** What is wrong with a file's checksum, in words. */
async function wrongChecksum(
  { checksum }: Download,
  path: string,
  progress?: OpenProgress,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (!checksum) return undefined;
  const hash = createHash(checksum.algorithm);
  const display = byteProgress(progress, `checking ${basename(path, '.part')}`, statSync(path).size);
  let done = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20, signal }) as AsyncIterable<Buffer>) {
      hash.update(piece);
      display.update((done += piece.length));
    }
  } finally {
    display.stop();
  }
  const found = hash.digest('hex').slice(0, checksum.digits.length);
  return found === checksum.digits
    ? undefined
    : `has the ${checksum.algorithm} ${found} in place of ${checksum.digits}`;
}

/** Removes a file that was downloaded, and what may be left of earlier tries. */
export async function removeDownload(file: string): Promise<void> {
  await new Part(file).discard();
  await rm(file, { force: true });
}
