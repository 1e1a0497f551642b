/**
 * How deep a feature map can be transformed. The paper says l = 3 for every pyramid level, but the
 * smallest maps are a few pixels wide, and level 3 of a 4x4 map is mostly padding. Our reading
 * (profile `paper`): at most the level at which the smaller side is still >= 2 in the coarsest
 * band. Profile `released` does not clamp.
 */

import { checkLevel } from '../wavelet/levels';

/** A feature map on which fewer levels are used than asked for. */
export interface ClampedLevel {
  /** [H, W] of the map. */
  size: [number, number];
  requested: number;
  used: number;
}

/**
 * The number of levels to use on a map of `size` when `level` are asked for: the largest number up
 * to `level` at which ceil(side / 2^number) >= 2 for the smaller side, whatever the wavelet (a long
 * filter's overhang is padding, not content); 0 for a map that is one pixel wide or two, whose
 * transform is itself.
 */
export function usableLevel(size: [number, number], level: number): number {
  checkLevel(level);
  const side = Math.min(...size);
  let usable = 0;
  while (usable < level && Math.ceil(side / 2 ** (usable + 1)) >= 2) usable++;
  return usable;
}

/**
 * The pyramid levels on which `usableLevel` clamps, for a log line at the start of a run; empty if
 * none does.
 */
export function clampedLevels(sizes: [number, number][], level: number): (ClampedLevel & { pyramidLevel: number })[] {
  return sizes
    .map((size, pyramidLevel) => ({ pyramidLevel, size, requested: level, used: usableLevel(size, level) }))
    .filter(({ used }) => used < level);
}
