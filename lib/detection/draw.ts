/** Drawing some of many, the same again for the same seed. */
import { Random } from '../core/random';

/** `count` of `places`, in their order; all of them where there are no more. */
export type Choose = (places: readonly number[], count: number, of: string) => number[];

/** How a batch draws: a choice, and what each of its pictures is called in it. */
export interface Draw {
  choose: Choose;
  names: readonly (string | number)[];
}

/** A choice that depends on the seed and on what it is of, only. */
export function drawer(seed: string): Choose {
  return (places, count, of) => {
    if (places.length <= count) return [...places];
    const random = new Random(`${seed}/${of}`);
    const left = [...places];
    for (let i = 0; i < count; i++) {
      const other = i + random.int(left.length - i);
      [left[i], left[other]] = [left[other], left[i]];
    }
    return left.slice(0, count).sort((a, b) => a - b);
  };
}

/** As mmdet's `RandomSampler`: at most a share of positives, and negatives for the rest. */
export function sample(
  positives: readonly number[],
  negatives: readonly number[],
  { count, share }: { count: number; share: number },
  choose: Choose,
  of: string,
): { positives: number[]; negatives: number[] } {
  const own = choose(positives, Math.floor(count * share), `${of}/positives`);
  return { positives: own, negatives: choose(negatives, count - own.length, `${of}/negatives`) };
}
