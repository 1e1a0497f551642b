/**
 * What can be wrong with a data set, each problem named with its file and id; and the error that
 * carries them.
 */

export const PROBLEM_KINDS = [
  'missing-field',
  'duplicate-id',
  'unknown-image',
  'unknown-category',
  'box-size',
  'box-outside',
  'missing-image',
  'bad-image',
  'image-size',
] as const;

export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export interface Problem {
  kind: ProblemKind;
  /** The annotation file, or the picture's file for a problem of the picture itself. */
  file: string;
  /**
   * Id of the picture, annotation or category, as written in the JSON (a place such as `images[3]`
   * where it has none).
   */
  id: number | string;
  /** One sentence with file, id, what was expected, and what to do. */
  message: string;
}

const SHOWN = 10;

/** Thrown for problems that `skipBad` would have left out. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  /** What is wrong, without what to do about it: a command line has an option of its own for that. */
  readonly facts: string;

  constructor(readonly problems: Problem[]) {
    const lines = problems.slice(0, SHOWN).map((problem) => problem.message);
    if (problems.length > SHOWN) lines.push(`... and ${problems.length - SHOWN} more.`);
    const facts = `${problems.length === 1 ? '' : `${problems.length} problems:\n`}${lines.join('\n')}`;
    super(`${facts}\n${goOnWithout('open the data set with skipBad: true')}`);
    this.facts = facts;
  }
}

/** The remedy of a `DatasetError`, by the argument or option that a user has. */
export const goOnWithout = (how: string): string => `To go on without what is bad, and have it counted, ${how}.`;

/** Ids of one kind that a line names. */
const NAMED = 5;

/** What was left out, a line for each kind: how many, of which file (or the first), and some ids. */
export function leftOutLines(problems: readonly Problem[]): string[] {
  return PROBLEM_KINDS.flatMap((kind) => {
    const found = problems.filter((problem) => problem.kind === kind);
    if (found.length === 0) return [];
    const ids = found.slice(0, NAMED).map(({ id }) => id);
    if (found.length > NAMED) ids.push('...');
    return [`${found[0].file}: left out, ${kind}: ${found.length} (${ids.join(', ')})`];
  });
}

/** How many problems of each kind, zeros included. */
export function countByKind(problems: readonly Problem[]): Record<ProblemKind, number> {
  const counts = Object.fromEntries(PROBLEM_KINDS.map((kind) => [kind, 0])) as Record<ProblemKind, number>;
  for (const { kind } of problems) counts[kind]++;
  return counts;
}
