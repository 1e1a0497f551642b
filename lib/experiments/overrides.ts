/**
 * Changing single fields of an experiment by name, as `npm run reproduce -- --set weights.mu=30`
 * does.
 */
import type { Experiment } from './experiment';

type Json = null | boolean | number | string | Json[] | { [field: string]: Json };

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const kindOf = (value: unknown): string => (Array.isArray(value) ? 'list' : typeof value);

/** JSON where the text is JSON, else the text itself, so that names need no quotes. */
function parseValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function replace(
  node: Record<string, Json>,
  [field, ...rest]: string[],
  value: Json,
  assignment: string,
): Record<string, Json> {
  if (!(field in node))
    throw new Error(`--set ${assignment}: there is no field "${field}"; there are ${Object.keys(node).join(', ')}`);
  const old = node[field];
  if (rest.length > 0) {
    if (!isObject(old))
      throw new Error(`--set ${assignment}: "${field}" is a ${kindOf(old)} and has no field "${rest[0]}"`);
    return { ...node, [field]: replace(old, rest, value, assignment) };
  }
  if (isObject(old))
    throw new Error(
      `--set ${assignment}: "${field}" holds ${Object.keys(old).join(', ')}; name ` +
        `one of them, as in ${field}.${Object.keys(old)[0]}=...`,
    );
  if (kindOf(old) !== kindOf(value))
    throw new Error(
      `--set ${assignment}: "${field}" is a ${kindOf(old)} (${JSON.stringify(old)}), not ${JSON.stringify(value)}`,
    );
  return { ...node, [field]: value };
}

/**
 * The experiment with some fields changed; the given one stays as it is.
 * @param assignments "path=value", the path with dots, the value as JSON: "weights.mu=30",
 *   "student.model.backbone.widths=[8,16,32,64]"
 * @throws Error where a field does not exist or its value is of another type; the message names the
 *   fields that exist
 */
export function override(experiment: Experiment, assignments: readonly string[]): Experiment {
  return assignments.reduce((changed, assignment) => {
    const at = assignment.indexOf('=');
    if (at < 1) throw new Error(`--set ${assignment}: expected field=value, as in weights.mu=30`);
    const path = assignment.slice(0, at).trim().split('.');
    return replace(
      changed as unknown as Record<string, Json>,
      path,
      parseValue(assignment.slice(at + 1).trim()),
      assignment,
    ) as unknown as Experiment;
  }, experiment);
}
