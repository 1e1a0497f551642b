/**
 * What a handful of differences allows one to say: Student's t, the bootstrap, and Holm's correction
 * for as many comparisons as were made.
 */
import { Random } from '../core/random';

/**
 * The probability that |T| <= t, for Student's T with a whole number of degrees of freedom
 * (Abramowitz and Stegun, formulas 26.7.3 and 26.7.4).
 */
export function withinT(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = freedom % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let power = odd ? 3 : 2; power <= freedom - 2; power += 2) {
    term *= (cosine ** 2 * (power - 1)) / power;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}

/** t with the share `inside` of Student's T between -t and t. */
export function quantileT(inside: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (withinT(high, freedom) < inside) high *= 2;
  for (let middle = high / 2; low < middle && middle < high; middle = (low + high) / 2)
    if (withinT(middle, freedom) < inside) low = middle;
    else high = middle;
  return high;
}

/** Above that many values, resamples are drawn; up to it, all of them are looked at. */
const ALL_RESAMPLES = 6;
const DRAWS = 20_000;

/**
 * The bootstrap's interval of the mean: the `inside` share of the means of all resamples of as many
 * values, percentiles as NumPy takes them. Of few values it is too narrow, and with its neighbour,
 * Student's, it shows by how much. NaN with one value.
 */
export function bootstrapInterval(values: readonly number[], inside = 0.95): [low: number, high: number] {
  const count = values.length;
  if (count < 2) return [NaN, NaN];
  const all = count <= ALL_RESAMPLES;
  const random = new Random('bootstrap');
  const means = Float64Array.from({ length: all ? count ** count : DRAWS }, (_, resample) => {
    let sum = 0;
    for (let i = 0; i < count; i++)
      sum += values[all ? Math.floor(resample / count ** i) % count : Math.floor(random.next() * count)];
    return sum / count;
  }).sort();
  const percentile = (share: number): number => {
    const place = share * (means.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, means.length - 1);
    return means[below] + (place - below) * (means[above] - means[below]);
  };
  return [percentile((1 - inside) / 2), percentile((1 + inside) / 2)];
}

/**
 * p values of as many comparisons, each so enlarged that at any level those at or below it hold
 * together (Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979).
 */
export function holm(p: readonly number[]): number[] {
  const adjusted = new Array<number>(p.length);
  let largest = 0;
  [...p.keys()]
    .sort((a, b) => p[a] - p[b])
    .forEach((i, rank) => {
      largest = Math.max(largest, Math.min(1, (p.length - rank) * p[i]));
      adjusted[i] = largest;
    });
  return adjusted;
}
