/** Where two configurations differ, in words: for the refusal to go on with another run's work. */
import { shown } from '../core/schema';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/**
 * The first field in which `there` (what was stored) and `here` (what is asked for now) differ, as
 * in "student.steps is 800 there and 400 here"; undefined where they are the same JSON.
 */
export function difference(there: unknown, here: unknown): string | undefined {
  return compare(asJson(there), asJson(here), '');
}

/** What is left of a value in a file. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null') as unknown;

function compare(there: unknown, here: unknown, path: string): string | undefined {
  if (!isObject(there) || !isObject(here) || Array.isArray(there) !== Array.isArray(here))
    return Object.is(there, here) ? undefined : `${path || 'it'} is ${shown(there)} there and ${shown(here)} here`;
  for (const field of new Set([...Object.keys(there), ...Object.keys(here)])) {
    const at = path ? `${path}.${field}` : field;
    const [a, b] = [there, here].map((side) => (Object.hasOwn(side, field) ? side[field] : undefined));
    const found = compare(a, b, at);
    if (found) return found;
  }
  return undefined;
}
