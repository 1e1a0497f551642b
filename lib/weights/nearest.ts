/** Names that are alike: what a wrong name may have been meant to be. */
import { editDistance } from '../core/nearest';

/** Letters that are compared, from the end: that is where names of weights tell. */
const COMPARED = 60;

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
