/**
 * Changing single fields of an experiment by name, as `npm run reproduce -- --set weights.mu=30`
 * does.
 */
import { checked, unknownField } from '../core/schema';
import type { Experiment } from './experiment';
import { experimentSchema } from './experiment-schema';

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON where the text is JSON, else the text itself, so that names need no quotes. */
function parseValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/**
 * `node` with the value at a path. A last field that is not there is added, for some are optional:
 * the schema tells.
 */
function replace(node: Record<string, Json>, [field, ...rest]: string[], value: Json): Record<string, Json> {
  const known = Object.hasOwn(node, field);
  const old = known ? node[field] : undefined;
  if (rest.length > 0) {
    if (!known) throw new Error(unknownField(field, Object.keys(node)));
    if (!isObject(old)) throw new Error(`"${field}" is ${JSON.stringify(old)} and has no field "${rest[0]}"`);
    return { ...node, [field]: replace(old, rest, value) };
  }
  if (isObject(old) && !isObject(value)) {
    const names = Object.keys(old);
    throw new Error(`"${field}" holds ${names.join(', ')}; name one of them, as in ${field}.${names[0]}=...`);
  }
  return { ...node, [field]: value };
}

/**
 * The experiment with some fields changed; the given one stays as it is.
 * @param assignments "path=value", the path with dots, the value as JSON: "weights.mu=30",
 *   "student.model.backbone.widths=[8,16,32,64]"
 * @throws Error where a field does not exist or may not be what is asked for; the message names the
 *   fields that exist or what is allowed
 */
export function override(experiment: Experiment, assignments: readonly string[]): Experiment {
  const states: unknown[] = [experiment];
  for (const assignment of assignments) {
    const before = states[states.length - 1];
    states.push(blaming(assignment, () => assigned(before, assignment)));
  }
  const last = states.length - 1;
  // Two assignments may be right together alone: the last state counts, and the first that spoilt it is named.
  let spoilt = last;
  while (spoilt > 1 && !isChecked(states[spoilt - 1])) spoilt--;
  return blaming(assignments[spoilt - 1] ?? '', () => checked(experimentSchema, states[last], ''));
}

function isChecked(state: unknown): boolean {
  try {
    checked(experimentSchema, state, '');
    return true;
  } catch {
    return false;
  }
}

function assigned(state: unknown, assignment: string): unknown {
  const at = assignment.indexOf('=');
  if (at < 1) throw new Error('expected field=value, as in weights.mu=30');
  const path = assignment.slice(0, at).trim().split('.');
  return replace(state as Record<string, Json>, path, parseValue(assignment.slice(at + 1).trim()));
}

/** What `body` gives; its error with the option before it. */
function blaming<T>(assignment: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new Error(`--set ${assignment}: ${(error as Error).message}`);
  }
}
