/** Names that are alike: what a wrong name may have been meant to be. */

/** Letters that are compared, from the end: that is where names of weights tell. */
const COMPARED = 60;

/** Letters to insert, remove or replace (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

/** Parts between dots that two names share at their ends. */
function sharedEnd(a: string, b: string): number {
  const [left, right] = [a.split('.').reverse(), b.split('.').reverse()];
  let shared = 0;
  while (shared < Math.min(left.length, right.length) && left[shared] === right[shared]) shared++;
  return shared;
}

/** Of `names`, the one nearest to `wanted`: most parts of its end, then fewest changed letters. */
export function nearest(wanted: string, names: readonly string[]): string | undefined {
  let best: { name: string; shared: number; distance: number } | undefined;
  for (const name of names) {
    const shared = sharedEnd(wanted, name);
    if (best && shared < best.shared) continue;
    const distance = editDistance(wanted.slice(-COMPARED), name.slice(-COMPARED));
    if (!best || shared > best.shared || distance < best.distance) best = { name, shared, distance };
  }
  return best?.name;
}
