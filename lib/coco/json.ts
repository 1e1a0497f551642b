/** JSON files whose faults are found: a broken file is reported with line, column and the text around it. */
import { readFileSync } from 'node:fs';

const SPACE = /[ \t\r\n]*/y;
const TEXT = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Index of the first character of `text` that cannot belong to a JSON document (its length when the text just ends too early). */
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

/** The parsed content of a JSON file. Throws an Error naming file, line and column when it is missing or broken. */
export function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new Error(`Cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    const at = jsonFault(text);
    const before = text.slice(0, at).split('\n');
    const place = `line ${before.length}, column ${before[before.length - 1].length + 1} (character ${at} of ${text.length})`;
    const found = at >= text.length ? 'the file ends too early' : `unexpected ${JSON.stringify(text.slice(at, at + 20))}`;
    throw new Error(`${path} is not valid JSON: ${found} at ${place}. Repair the file there, or download or export it again.`);
  }
}
