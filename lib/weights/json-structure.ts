/**
 * What `JSON.parse` does not say of a text: that an object names a key twice, of which it would keep
 * the last without a word, and that it is nested without end.
 */

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * In words, what is wrong, as a sentence about the text goes on; nothing where all is well, or
 * where the text is no JSON at all.
 */
export function structuralFault(text: Buffer, deepest: number): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys of each object that is open; undefined: a list
  let keyComes = false;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case QUOTE: {
        const start = at;
        for (at++; at < text.length && text[at] !== QUOTE; at++) if (text[at] === BACKSLASH) at++;
        const keys = open[open.length - 1];
        if (!keyComes || !keys) break;
        keyComes = false;
        const key = keyOf(text.toString('utf8', start, at + 1));
        if (keys.has(key)) return `names ${JSON.stringify(key.slice(0, 200))} twice`;
        keys.add(key);
        break;
      }
      case OPEN_OBJECT:
      case OPEN_LIST:
        open.push(text[at] === OPEN_OBJECT ? new Set() : undefined);
        if (open.length > deepest) return `is nested deeper than ${deepest}`;
        keyComes = text[at] === OPEN_OBJECT;
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        open.pop();
        keyComes = false;
        break;
      case COMMA:
        keyComes = open[open.length - 1] !== undefined;
    }
  }
  return undefined;
}

/** A key without its quotes and escapes: "a" and "\u0061" are one. */
function keyOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted; // which JSON.parse of the whole text will not pass
  }
}
