/**
 * Fields of COCO's JSON in the forms that people write them, where there is no doubt what is meant.
 * What is taken so is counted, and said once a file.
 */

/** An integer, perhaps with the decimals .0 that tables give it. */
const WHOLE = /^-?(?:0|[1-9]\d*)(?:\.0+)?$/;

/** The integer that an id is, or that its text spells ("7", "7.0"); undefined where it is none. */
export function idOf(value: unknown): number | undefined {
  const id = typeof value === 'string' && WHOLE.test(value) ? Number(value) : value;
  return Number.isSafeInteger(id) ? (id as number) : undefined;
}

const FLAGS = new Map<unknown, 0 | 1>([
  [undefined, 0],
  [null, 0],
  [0, 0],
  [1, 1],
  [false, 0],
  [true, 1],
  ['0', 0],
  ['1', 1],
  ['false', 0],
  ['true', 1],
]);

/** 0 or 1 of a flag such as `iscrowd`, 0 where it is left out; undefined where it is neither. */
export const flagOf = (value: unknown): 0 | 1 | undefined => FLAGS.get(value);

/** A number of decimals. */
const DECIMAL = /^-?\d+(?:\.\d+)?$/;

/** A number such as an area, or its text; NaN where it is left out, undefined where it is no number. */
export function numberOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return NaN;
  const number = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value;
  return Number.isFinite(number) ? (number as number) : undefined;
}

const LONGEST = 80;

/** A value as a message shows it: its JSON, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} ...` : text;
}

/** Of one and of several. */
const ODDITIES = {
  'number-form': ['number written as text or with a decimal point', 'numbers written as text or with a decimal point'],
  'flag-form': [
    'flag that is neither 0 nor 1 but says so (false, "0")',
    'flags that are neither 0 nor 1 but say so (false, "0")',
  ],
  'area-missing': [
    'annotation without area (width x height of the box is taken)',
    'annotations without area (width x height of the box is taken)',
  ],
  'box-over-edge': [
    'box over the edge of its picture (clipped in training, kept for evaluation)',
    'boxes over the edge of their picture (clipped in training, kept for evaluation)',
  ],
  'not-trained': [
    'box of area 0 or of less than a pixel (left out of training, kept for evaluation)',
    'boxes of area 0 or of less than a pixel (left out of training, kept for evaluation)',
  ],
  ignored: [
    'annotation marked "ignore" (left out of training, kept for evaluation)',
    'annotations marked "ignore" (left out of training, kept for evaluation)',
  ],
} as const;

export type OddityKind = keyof typeof ODDITIES;

/** How often each was met. */
export type Oddities = Record<OddityKind, number>;

export const oddityKinds = Object.keys(ODDITIES) as OddityKind[];

export const noOddities = (): Oddities => Object.fromEntries(oddityKinds.map((kind) => [kind, 0])) as Oddities;

/** One line that counts what was taken in a form of its own; nothing where all was as it should be. */
export function odditySentence(file: string, oddities: Oddities): string | undefined {
  const counted = oddityKinds
    .filter((kind) => oddities[kind] > 0)
    .map((kind) => `${oddities[kind]} ${ODDITIES[kind][oddities[kind] === 1 ? 0 : 1]}`);
  return counted.length > 0 ? `${file}: accepted: ${counted.join('; ')}` : undefined;
}
