/**
 * What the losses of a part of a batch are of the whole batch's. A batch is cut among the ranks of a
 * distributed run, or into parts that are learnt from in turns (turns.ts), or both.
 *
 * A detector's losses are sums divided by a number each, such as that of the positive anchors. A
 * part divides by its own number n_p; with the share n_p / sum n_p its loss becomes its part of the
 * sum over the whole batch divided by the number of the whole batch.
 */
import type { Scalar } from '../tf';
import type { Communicator } from './distributed/communicator';
import type { LossParts } from './step';

/** What a loss is a sum divided by. */
export interface Normalizer {
  normalizer: number;
  /** What was counted, where the normalizer is that but not below a least. Default: the normalizer. */
  counted?: number;
}

/** By the losses' names. */
export type Normalizers = Record<string, Normalizer>;

/** The share of each normalizer of a part, given what is counted in all parts together. */
export type ShareOf = (own: Normalizers) => Record<string, number>;

const counts = (own: Normalizers): number[] =>
  Object.values(own).map(({ normalizer, counted = normalizer }) => counted);

// Where a part's own count is below the least, its normalizer is the least.
const shares = (own: Normalizers, counted: (name: string, i: number) => number): Record<string, number> =>
  Object.fromEntries(
    Object.entries(own).map(([name, { normalizer }], i) => [name, normalizer / Math.max(normalizer, counted(name, i))]),
  );

/** For parts that are known at the same time, one a rank; 1 for a rank alone. */
export function amongRanks({ size, sum }: Communicator): ShareOf {
  return (own) => {
    const all = size === 1 ? counts(own) : sum(counts(own));
    return shares(own, (_, i) => all[i]);
  };
}

/** For parts of all ranks, all of which must be known before. */
export function amongAll({ sum }: Communicator, parts: readonly Normalizers[]): ShareOf {
  const names = Object.keys(parts[0]);
  const own = parts.map(counts);
  const all = sum(names.map((_, i) => own.reduce((total, part) => total + part[i], 0)));
  const byName = new Map(names.map((name, i) => [name, all[i]]));
  return (part) => shares(part, (name) => byName.get(name)!);
}

/** What losses were divided by. */
export function normalizersOf(losses: Normalizers): Normalizers {
  return Object.fromEntries(
    Object.entries(losses).map(([name, { normalizer, counted }]) => [name, { normalizer, counted }]),
  );
}

/** Losses of weight 1, each with its share; by default as means over pictures. */
export function sharedLosses(losses: Record<string, { value: Scalar }>, share: Record<string, number> = {}): LossParts {
  return Object.fromEntries(
    Object.entries(losses).map(([name, { value }]) => [name, { value, weight: 1, share: share[name] }]),
  );
}

/**
 * @throws Error where a loader gives all ranks the same pictures, or parts for another number of
 * ranks
 */
export function checkShards(
  { rank, size }: Communicator,
  { shard }: { shard: Pick<Communicator, 'rank' | 'size'> },
): void {
  if (shard.rank === rank && shard.size === size) return;
  throw new Error(
    `this is rank ${rank} of ${size}, but its loader gives part ${shard.rank} of ${shard.size}: ` +
      'pass { rank, size } of the communicator as `shard` to createLoader',
  );
}
