/**
 * Reads the lists of a JSON object row by row: COCO's annotation files are up to half a gigabyte,
 * more than a string of Node may hold, and most of them are outlines that boxes do not need. One
 * row at a time is parsed, so no more than a few megabytes are in memory besides what the caller
 * keeps.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { faultError, jsonFault } from './json';

const CHUNK = 1 << 22;
/** The longest row, key or other value that is taken. */
const LONGEST = 1 << 26;
/** How many brackets may be open at once. */
const DEEPEST = 500;
const TOO_DEEP = -2;

const [QUOTE, COMMA, COLON, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [...'",:\\[]{}'].map(
  (character) => character.charCodeAt(0),
);
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Index behind the value that begins at `from`, as brackets and quotes tell it; -1 where it is not
 * complete before `end`, TOO_DEEP where its brackets are nested beyond DEEPEST.
 */
function endOfValue(bytes: Buffer, from: number, end: number): number {
  const first = bytes[from];
  if (first !== QUOTE && first !== OPEN_LIST && first !== OPEN_OBJECT) {
    for (let i = from; i < end; i++)
      if (bytes[i] === COMMA || bytes[i] === CLOSE_LIST || bytes[i] === CLOSE_OBJECT || isSpace(bytes[i])) return i;
    return -1;
  }
  let depth = 0;
  let quoted = false;
  for (let i = from; i < end; i++) {
    const byte = bytes[i];
    if (quoted) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) {
        quoted = false;
        if (depth === 0) return i + 1;
      }
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > DEEPEST) return TOO_DEEP;
    } else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && --depth === 0) return i + 1;
  }
  return -1;
}

type Parse = (text: string) => unknown;

/** A window of the file that moves forward. */
class Scanner {
  private bytes = Buffer.alloc(CHUNK);
  private at = 0; // index of the next byte
  private end = 0; // index behind the last byte that was read
  private base = 0; // byte of the file at index 0

  constructor(private readonly path: string, private readonly file: number) {
    if (this.peek() === 0xef && this.bytes[1] === 0xbb && this.bytes[2] === 0xbf) this.at = 3; // byte order mark
  }

  /** Reads on, keeping all from `at` on; false at the end of the file. */
  private more(): boolean {
    if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end);
      this.base += this.at;
      this.end -= this.at;
      this.at = 0;
    } else if (this.end === this.bytes.length) this.bytes = Buffer.concat([this.bytes], this.bytes.length * 2);
    const read = readSync(this.file, this.bytes, this.end, this.bytes.length - this.end, this.base + this.end);
    this.end += read;
    return read > 0;
  }

  /** The next byte that is no space, without taking it; undefined at the end. */
  peek(): number | undefined {
    for (;;) {
      while (this.at < this.end && isSpace(this.bytes[this.at])) this.at++;
      if (this.at < this.end) return this.bytes[this.at];
      if (!this.more()) return undefined;
    }
  }

  /** Takes `byte` if it comes next. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at++;
    return true;
  }

  fault(offset = 0): Error {
    return faultError(this.path, this.file, this.base + this.at + offset);
  }

  /** The next value, by `parse` from its text. */
  value(parse: Parse = JSON.parse): unknown {
    if (this.peek() === undefined) throw this.fault();
    let end = endOfValue(this.bytes, this.at, this.end);
    while (end === -1 && this.end - this.at < LONGEST && this.more()) end = endOfValue(this.bytes, this.at, this.end);
    if (end === TOO_DEEP)
      throw new Error(
        `${this.path}: the value at byte ${this.base + this.at} is nested more than ${DEEPEST} ` +
          'deep; a COCO file has short, flat rows',
      );
    const text = this.bytes.toString('utf8', this.at, end < 0 ? this.end : end);
    try {
      const value = parse(text);
      this.at = end < 0 ? this.end : end;
      return value;
    } catch {
      const fault = jsonFault(text);
      if (fault === text.length && this.end - this.at >= LONGEST)
        throw new Error(
          `${this.path}: a single value is longer than ${LONGEST} bytes; a COCO file has many short rows`,
        );
      throw this.fault(Buffer.byteLength(text.slice(0, fault)));
    }
  }

  /** All values of the list whose bracket has been taken. */
  rows(visit: (row: unknown) => void, parse?: Parse): void {
    if (this.take(CLOSE_LIST)) return;
    do visit(this.value(parse));
    while (this.take(COMMA));
    if (!this.take(CLOSE_LIST)) throw this.fault();
  }

  /** All of the file, whose value should be a list; false where it is something else. */
  list(visit: (row: unknown) => void): boolean {
    if (!this.take(OPEN_LIST)) return false;
    this.rows(visit);
    if (this.peek() !== undefined) throw this.fault();
    return true;
  }

  /** All of the file. */
  document(open: (key: string) => (row: unknown) => void, parse?: Parse): void {
    if (!this.take(OPEN_OBJECT)) this.value();
    else if (!this.take(CLOSE_OBJECT)) {
      do {
        if (this.peek() !== QUOTE) throw this.fault();
        const key = this.value() as string;
        if (!this.take(COLON)) throw this.fault();
        if (this.take(OPEN_LIST)) this.rows(open(key), parse);
        else this.value();
      } while (this.take(COMMA));
      if (!this.take(CLOSE_OBJECT)) throw this.fault();
    }
    if (this.peek() !== undefined) throw this.fault();
  }
}

/** What `read` makes of the file at `path`, which is closed again. */
function scan<T>(path: string, read: (scanner: Scanner) => T): T {
  let file: number;
  try {
    if (!statSync(path).isFile()) throw new Error('it is no regular file'); // opening a pipe would wait for a writer
    file = openSync(path, 'r');
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    return read(new Scanner(path, file));
  } finally {
    closeSync(file);
  }
}

/**
 * Hands every row of every list of the file's object to what `open` gives for the list's key.
 * @param parse makes a row of its text; default `JSON.parse`
 * @throws naming file, line and column where it is no JSON, or the file when it cannot be read
 */
export function readLists(path: string, open: (key: string) => (row: unknown) => void, parse?: Parse): void {
  scan(path, (scanner) => scanner.document(open, parse));
}

/** Hands every row of a file that is one list to `visit`; false where it is something else. */
export function readRows(path: string, visit: (row: unknown) => void): boolean {
  return scan(path, (scanner) => scanner.list(visit));
}
