/**
 * What a rank's losses are of the whole batch's.
 *
 * A detector's losses are sums over anchors divided by the number of positive ones. A rank divides
 * by its own number n_r; with the share n_r / sum n_r its loss becomes its part of the sum over all
 * anchors of the batch divided by all positive ones.
 */
import type { Loader } from '../../coco/loader';
import type { Communicator } from './communicator';

/** This rank's part of a number that all ranks sum: `own / sum of own`; 1 for a rank alone. */
export function shareOf(world: Communicator, own: number): number {
  return world.size === 1 ? 1 : own / world.sum([own])[0];
}

/**
 * @throws Error where a loader gives all ranks the same pictures, or parts for another number of
 * ranks
 */
export function checkShards({ rank, size }: Communicator, { shard }: Loader): void {
  if (shard.rank === rank && shard.size === size) return;
  throw new Error(
    `this is rank ${rank} of ${size}, but its loader gives part ${shard.rank} of ${shard.size}: ` +
      'pass { rank, size } of the communicator as `shard` to createLoader',
  );
}
