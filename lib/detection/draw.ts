/** Drawing some of many, the same again for the same seed. */
import { Random } from '../core/random';

/** `count` of `places`, in their order; all of them where there are no more. */
export type Choose = (places: ArrayLike<number>, count: number, of: string) => number[];

/** How a batch draws: a choice, and what each of its pictures is called in it. */
export interface Draw {
  choose: Choose;
  names: readonly (string | number)[];
}

/** A choice that depends on the seed and on what it is of, only. */
export function drawer(seed: string): Choose {
  return (places, count, of) => {
    if (places.length <= count) return Array.from(places);
    const random = new Random(`${seed}/${of}`);
    // The first steps of a shuffle; of the many places, only those that moved are kept.
    const moved = new Map<number, number>();
    const at = (index: number): number => moved.get(index) ?? places[index];
    const chosen = Array.from({ length: count }, (_, i) => {
      const other = i + random.int(places.length - i);
      const place = at(other);
      moved.set(other, at(i));
      return place;
    });
    return chosen.sort((a, b) => a - b);
  };
}

/** As mmdet's `RandomSampler`: at most a share of positives, and negatives for the rest. */
export function sample(
  positives: ArrayLike<number>,
  negatives: ArrayLike<number>,
  { count, share }: { count: number; share: number },
  choose: Choose,
  of: string,
): { positives: number[]; negatives: number[] } {
  const own = choose(positives, Math.floor(count * share), `${of}/positives`);
  return { positives: own, negatives: choose(negatives, count - own.length, `${of}/negatives`) };
}
