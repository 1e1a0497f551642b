/** What every detector asks of what it is given. */
import type { Target } from '../data/types';
import type { Tensor4D } from '../tf';
import type { Extent } from './detector';

/** @throws RangeError unless there is a pyramid level for every stride */
export function checkLevels(pyramid: readonly Tensor4D[], strides: readonly number[]): void {
  if (pyramid.length !== strides.length)
    throw new RangeError(
      `the head expects ${strides.length} pyramid levels (strides ${strides}), not ${pyramid.length}`,
    );
}

/** @throws RangeError unless there is a target for every picture of a head's logits [N, ...] */
export function checkTargets(logits: Tensor4D, targets: readonly Target[]): void {
  const [pictures] = logits.shape;
  if (targets.length !== pictures)
    throw new RangeError(`${pictures} pictures went through the network, but ${targets.length} targets are given`);
}

/** @throws RangeError unless there is a size for every picture of a head's logits [N, ...] */
export function checkExtents(logits: Tensor4D, extents: readonly Extent[]): void {
  const [pictures] = logits.shape;
  if (extents.length !== pictures)
    throw new RangeError(`${pictures} pictures went through the network, but the sizes of ${extents.length} are given`);
}
