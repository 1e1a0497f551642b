/** Batches of pictures cut into parts that are learnt from in turns. */
import type { Batch } from '../data/types';
import { counting, type Detector, type LossOptions } from '../detection/detector';
import { tf, type Tensor4D } from '../tf';
import { type Normalizer, type Normalizers, normalizersOf } from '../train/shares';
import type { Turns } from '../train/turns';

/**
 * The turns of a batch; none where it is not to be cut. A part keeps the size that its batch was
 * padded to.
 * @param normalizers of a part, see `Turns`
 */
export function turnsOf(count = 1, normalizers: Turns<Batch>['normalizers']): Turns<Batch> | undefined {
  return count === 1 ? undefined : { count, part: (batch, turn) => partOf(batch, turn, count), normalizers };
}

function partOf({ images, targets, origins }: Batch, turn: number, turns: number): Batch {
  const size = images.shape[0] / turns;
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(
      `a batch of ${images.shape[0]} pictures cannot be cut into ${turns} equal parts: ` +
        'accumulate must be a divisor of the batch (of one rank)',
    );
  const [from, to] = [turn * size, (turn + 1) * size];
  return {
    images: tf.slice(images, from, size) as Tensor4D,
    targets: targets.slice(from, to),
    origins: origins.slice(from, to),
  };
}

/**
 * What a detector's losses on a batch are divided by: by its targets alone where they decide that,
 * else by running it.
 * @param outputs of its head
 */
export function lossNormalizers(
  detector: Detector,
  { images, targets }: Pick<Batch, 'images' | 'targets'>,
  options: LossOptions,
  outputs: () => unknown,
): Normalizers {
  const [, height, width] = images.shape;
  if (detector.normalizers) return detector.normalizers([height, width], targets, options);
  let found: Normalizers = {};
  tf.tidy(() => {
    const own = outputs();
    const losses = detector.loss(own, targets, options);
    found = { ...normalizersOf(losses), ...regionsIn(detector, detector.regression(own)) };
  });
  return found;
}

/** How many regions a detector has drawn, whose boxes are imitated; nothing where it draws none. */
export function regionsIn({ drawsRegions }: Detector, [regression]: readonly Tensor4D[]): { regions?: Normalizer } {
  return drawsRegions && regression ? { regions: counting(regression.shape[0]) } : {};
}

/**
 * Says what takes statistics over the pictures of a part, where a batch is cut among ranks or into
 * turns.
 * @param imitations names of those that do
 */
export function warnOfStatistics(
  { detector, batchSize, accumulate = 1 }: { detector: Detector; batchSize: number; accumulate?: number },
  ranks: number,
  imitations: readonly string[] = [],
): void {
  const own = [...(detector.config.backbone.norm === 'batch' ? ['batch norm'] : []), ...imitations];
  const parts = ranks * accumulate;
  if (parts === 1 || own.length === 0) return;
  const [whose, whole] = accumulate > 1 ? ["part's", 'a whole batch'] : ["rank's", 'one rank with a batch'];
  process.emitWarning(
    `${own.join(' and ')} ${own.length > 1 ? 'take' : 'takes'} the statistics of each ${whose} own ` +
      `${batchSize / parts} pictures: the outcome is not that of ${whole} of ${batchSize}`,
  );
}
