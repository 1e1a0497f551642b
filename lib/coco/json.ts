/**
 * Faults of JSON files are found: where a text stops to be JSON, and in which line and column of
 * the file that is.
 */
import { readSync } from 'node:fs';

const SPACE = /[ \t\r\n]*/y;
const TEXT = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Index of the first character of `text` that cannot belong to a JSON document (its length when the
 * text just ends too early).
 */
export function jsonFault(text: string): number {
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const mark = (character: string): boolean => {
    take(SPACE);
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const list = (close: string, item: () => boolean): boolean => {
    if (mark(close)) return true;
    do {
      if (!item()) return false;
      if (mark(close)) return true;
    } while (mark(','));
    return false;
  };
  const member = (): boolean => {
    take(SPACE);
    return take(TEXT) && mark(':') && value();
  };
  const value = (): boolean => {
    if (mark('{')) return list('}', member);
    if (mark('[')) return list(']', value);
    return take(TEXT) || take(SCALAR);
  };
  if (value()) take(SPACE);
  return at;
}

/**
 * An Error that names file, line and column of a fault, and what stands there. @param at its byte
 * in the file
 */
export function faultError(path: string, file: number, at: number): Error {
  const bytes = Buffer.alloc(1 << 20);
  const decoder = new TextDecoder();
  let [characters, line, column, total] = [0, 1, 1, 0];
  let after = '';
  const take = (text: string, before: boolean): void => {
    total += text.length;
    if (!before) {
      if (after.length < 20) after = (after + text).slice(0, 20);
      return;
    }
    characters += text.length;
    const last = text.lastIndexOf('\n');
    line += text.split('\n').length - 1;
    column = last < 0 ? column + text.length : text.length - last;
  };
  for (let position = 0; ;) {
    const read = readSync(
      file,
      bytes,
      0,
      position < at ? Math.min(bytes.length, at - position) : bytes.length,
      position,
    );
    take(decoder.decode(bytes.subarray(0, read), { stream: read > 0 }), position < at);
    if (read === 0) break;
    position += read;
  }
  const found = after === '' ? 'the file ends too early' : `unexpected ${JSON.stringify(after)}`;
  return new Error(
    `${path} is not valid JSON: ${found} at line ${line}, column ${column} (character ` +
      `${characters} of ${total}). Repair the file there, or download or export it again.`,
  );
}
