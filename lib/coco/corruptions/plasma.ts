/** Clouds by midpoint displacement (the diamond-square algorithm) on a grid that wraps around. */
import type { Random } from '../../core/random';

/**
 * [side, side] values of 0..1. Halving the distance of the grid divides the random part by `decay`.
 * @param side a power of two
 */
export function plasma(side: number, decay: number, random: Random): Float64Array {
  const map = new Float64Array(side * side);
  const at = (y: number, x: number): number => map[((y + side) % side) * side + ((x + side) % side)];
  let amplitude = 100;
  /**
   * Sets every point of the lattice that starts at (top, left) to the mean of four neighbours and a
   * random part.
   */
  const fillLattice = (top: number, left: number, step: number, neighbours: (y: number, x: number) => number): void => {
    for (let y = top; y < side; y += step)
      for (let x = left; x < side; x += step)
        map[y * side + x] = neighbours(y, x) / 4 + amplitude * random.uniform(-amplitude, amplitude);
  };
  for (let step = side; step >= 2; step /= 2, amplitude /= decay) {
    const half = step / 2;
    const cross = (y: number, x: number): number =>
      at(y - half, x) + at(y + half, x) + at(y, x - half) + at(y, x + half);
    fillLattice(
      half,
      half,
      step,
      (y, x) => at(y - half, x - half) + at(y + half, x - half) + at(y - half, x + half) + at(y + half, x + half),
    );
    fillLattice(0, half, step, cross);
    fillLattice(half, 0, step, cross);
  }
  const [low, high] = map.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  );
  return map.map((value) => (value - low) / (high - low));
}
