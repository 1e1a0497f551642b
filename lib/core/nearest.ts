/** Names that were probably meant, for the sentences that say that a name is unknown. */

/** The `count` names with the smallest edit distance from `name`, nearest first. */
export function nearestNames(name: string, names: readonly string[], count: number): string[] {
  return names
    .map((known) => ({ known, distance: editDistance(known, name) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ known }) => known);
}

/** Whether one of two names is likely a slip for the other: at most half of it differs. */
export const isNear = (a: string, b: string): boolean => 2 * editDistance(a, b) <= Math.max(a.length, b.length);

/** Characters to insert, remove or replace, to make one name of the other (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j] + (a[i] === b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  }
  return row[b.length];
}
