/**
 * What a rank's losses are of the whole batch's.
 *
 * A detector's losses are sums divided by a number each, such as that of the positive anchors. A
 * rank divides by its own number n_r; with the share n_r / sum n_r its loss becomes its part of the
 * sum over the whole batch divided by the number of the whole batch.
 */
import type { Scalar } from '../../tf';
import type { LossParts } from '../step';
import type { Communicator } from './communicator';

/** Losses of weight 1, each with this rank's share, which is 1 for a rank alone. */
export function sharedLosses(
  world: Communicator,
  losses: Record<string, { value: Scalar; normalizer: number }>,
): LossParts {
  const own = Object.values(losses).map(({ normalizer }) => normalizer);
  const all = world.size === 1 ? own : world.sum(own);
  return Object.fromEntries(
    Object.entries(losses).map(([name, { value }], i) => [name, { value, weight: 1, share: own[i] / all[i] }]),
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
