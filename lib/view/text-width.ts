/**
 * How wide a text is without a browser to ask: close to Inter, Helvetica and Arial, within some
 * percent for usual words.
 */

const CLASSES: [RegExp, number][] = [
  [/[ijlI.,:;'|!]/, 0.27],
  [/[frt()[\]\s-]/, 0.34],
  [/[mwMW%@]/, 0.88],
  [/[A-Z_±+<>=~]/, 0.67],
];
const OTHERS = 0.57;

/** Width in pixels of `text` at a font size in pixels; a heavy weight is a little wider. */
export function textWidth(text: string, size: number, bold = false): number {
  let width = 0;
  for (const character of text) width += CLASSES.find(([members]) => members.test(character))?.[1] ?? OTHERS;
  return width * size * (bold ? 1.06 : 1);
}
