/**
 * What values from outside may be: options, experiments, result files, cards. A schema is built of
 * the functions below; `checked` says in one sentence which field is wrong, what is allowed and
 * what was given.
 */
import * as v from 'valibot';
import { isNear, nearestNames } from './nearest';

export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

const LONGEST = 60; // characters of a wrong value that a sentence repeats

/** A value as a sentence shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

const must =
  (expected: string) =>
  ({ input }: { input: unknown }): string =>
    input === undefined ? `is missing; it must be ${expected}` : `must be ${expected}, is ${shown(input)}`;

/** A whole number from `low` to `high`. */
export function whole(low: number, high: number) {
  const message = must(`a whole number from ${low} to ${high}`);
  return v.pipe(v.number(message), v.integer(message), v.minValue(low, message), v.maxValue(high, message));
}

/** A number from `low` to `high`. */
export function real(low = -Number.MAX_VALUE, high = Number.MAX_VALUE) {
  const message = must(low === -Number.MAX_VALUE ? 'a number' : `a number from ${low} to ${high}`);
  return v.pipe(v.number(message), v.minValue(low, message), v.maxValue(high, message));
}

/** A number above 0, up to `high`. */
export function positive(high: number) {
  const message = must(`a number above 0, up to ${high}`);
  return v.pipe(v.number(message), v.gtValue(0, message), v.maxValue(high, message));
}

/** Two numbers from `low` to `high`, the smaller one first. */
export function range(low: number, high: number) {
  const message = must(`a smaller and a larger number from ${low} to ${high}`);
  return v.pipe(
    v.strictTuple([real(low, high), real(low, high)], message),
    v.check(([least, most]) => least <= most, message),
  );
}

export const truth = () => v.boolean(must('true or false'));

/** A text that is not empty. */
export function text() {
  const message = must('a text that is not empty');
  return v.pipe(v.string(message), v.nonEmpty(message));
}

/** A text of some form, named in words. */
export const matching = (form: RegExp, expected: string) =>
  v.pipe(v.string(must(expected)), v.regex(form, must(expected)));

export const callable = () => v.function(must('a function'));

/** One of a few words or numbers. */
export const oneOf = <const T extends readonly (string | number)[]>(words: T) =>
  v.picklist(words, must(words.length > 1 ? `one of ${words.join(', ')}` : shown(words[0])));

/** One of many names; the sentence has the nearest. */
export const named = (names: readonly string[]) =>
  v.pipe(
    v.string(must('a name')),
    v.check(
      (name) => names.includes(name),
      ({ input }) =>
        `is ${shown(input)}, which is no known name; the nearest are ${nearestNames(input, names, 4).join(', ')}`,
    ),
  );

/** A list of `least` to `most` values. */
export function list<S extends Schema>(item: S, least = 0, most = 1e9) {
  const message = must(least || most < 1e9 ? `a list of ${least} to ${most} values` : 'a list');
  return v.pipe(v.array(item, message), v.minLength(least, message), v.maxLength(most, message));
}

export const optional = v.optional;
export const check = v.check;
export const pipe = v.pipe;

/** One of two kinds of value, told apart by a look at it. */
export const either = <A, B>(isFirst: (value: unknown) => boolean, first: Schema<A>, second: Schema<B>) =>
  v.lazy((value): Schema<A | B> => (isFirst(value) ? first : second));

/** One of several kinds of object, told apart by their field `kind`; without it, of the kind `standard`. */
export const byKind = <T>(kinds: Record<string, Schema<T>>, standard: string) =>
  v.lazy((value): Schema<T> => {
    const kind = has('kind')(value) ? (value as { kind: unknown }).kind : standard;
    if (typeof kind === 'string' && Object.hasOwn(kinds, kind)) return kinds[kind];
    return v.looseObject({ kind: oneOf(Object.keys(kinds)) }) as Schema<unknown> as Schema<T>;
  });

/** An object whose fields have any names, all with the same kind of value. */
export const record = <S extends Schema>(value: S) =>
  v.record(v.string(), value, ({ input, expected }) => must(expected === 'Object' ? 'an object' : 'a name')({ input }));

/** Any value, even none. */
export const anything = () => v.unknown();

/** An object with a field of this name: what `either` asks. */
export const has =
  (field: string) =>
  (value: unknown): boolean =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, field);

type Entries = Record<string, Schema>;

/** Neither more fields than these nor fewer; an unknown one is told the nearest name. */
export function fields<const E extends Entries>(entries: E) {
  const names = Object.keys(entries);
  return v.strictObject(entries, ({ input, expected }) => {
    if (expected === 'never') return unknownField(String(input), names);
    return expected === 'Object' ? `must hold ${names.join(', ')}, is ${shown(input)}` : 'is missing';
  });
}

/** These fields and any others: what a later version may have added to a file is left alone. */
export function openFields<const E extends Entries>(entries: E) {
  return v.looseObject(entries, ({ input, expected }) =>
    expected === 'Object' ? `must hold ${Object.keys(entries).join(', ')}, is ${shown(input)}` : 'is missing',
  );
}

/** The sentence about a field that is not among `names`. */
export function unknownField(field: string, names: readonly string[]): string {
  const [near] = nearestNames(field, names, 1);
  const meant = near !== undefined && isNear(field, near) ? ` (did you mean "${near}"?)` : '';
  return `there is no field "${field}"${meant}; there are ${names.join(', ')}`;
}

/**
 * The value, if it is what the schema says.
 * @param where what the sentence begins with: a file, an option
 * @throws Error naming the first wrong field by its path, as in "student.steps"
 */
export function checked<T>(schema: Schema<T>, value: unknown, where: string): T {
  const { success, issues } = v.safeParse(schema, value, { abortPipeEarly: true });
  if (success) return value as T;
  const issue = issues.find(({ expected }) => expected === 'never') ?? issues[0];
  const at = (issue.path ?? []).map(({ key }) => String(key));
  if (issue.expected === 'never') at.pop(); // the sentence has the field itself
  throw new Error([where, at.join('.'), issue.message].filter(Boolean).join(': '));
}
