/** Which pictures are held out for validation, where a set has no such split of its own. */
import { Random } from '../../core/random';

/** The photograph that a picture was made of, where Roboflow made several of one. */
const sourceOf = (name: string): string => name.replace(/\.rf\.[0-9a-f]{16,}(?=\.[^.]+$)/i, '');

/**
 * About a share of the pictures, at least one and not all: those whose names draw the lowest
 * numbers from the seed, so that a picture more or less changes nothing for the others. Pictures of
 * one photograph stay together.
 */
export function drawSplit(names: readonly string[], share: number, seed: number): Set<string> {
  const groups = new Map<string, string[]>();
  for (const name of names) groups.set(sourceOf(name), [...(groups.get(sourceOf(name)) ?? []), name]);
  const draw = new Random(`import/${seed}`);
  const drawn = [...groups.keys()]
    .map((source) => ({ source, number: draw.fork(source).next() }))
    .sort((a, b) => a.number - b.number || (a.source < b.source ? -1 : 1));
  const wanted = Math.min(names.length - 1, Math.max(1, Math.round(share * names.length)));
  const held = new Set<string>();
  for (const { source } of drawn.slice(0, -1)) {
    if (held.size >= wanted) break;
    groups.get(source)!.forEach((name) => held.add(name));
  }
  return held;
}
