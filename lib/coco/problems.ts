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

  constructor(readonly problems: Problem[]) {
    const lines = problems.slice(0, SHOWN).map((problem) => problem.message);
    if (problems.length > SHOWN) lines.push(`... and ${problems.length - SHOWN} more.`);
    const remedy = 'To go on without what is bad, and have it counted, open the data set with skipBad: true.';
    super(`${problems.length === 1 ? '' : `${problems.length} problems:\n`}${lines.join('\n')}\n${remedy}`);
  }
}

/** How many problems of each kind, zeros included. */
export function countByKind(problems: readonly Problem[]): Record<ProblemKind, number> {
  const counts = Object.fromEntries(PROBLEM_KINDS.map((kind) => [kind, 0])) as Record<ProblemKind, number>;
  for (const { kind } of problems) counts[kind]++;
  return counts;
}
