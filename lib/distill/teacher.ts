/**
 * The teacher as both stages see it: a frozen detector whose pyramid is divided by the deviation of
 * each level.
 *
 * A pyramid level of one teacher has a deviation of 0.3, of another 5. Divided by it, the same mu,
 * the same Adam rate and the same start of the prompt suit every teacher. The head multiplies it
 * back, so the detector is unchanged, and a prompt on the divided map is a prompt on the map itself
 * with its tokens divided (bands are linear in the map). Profile `released` does not do it: there
 * every deviation is 1.
 */
import type { Detector } from '../detection/detector';
import type { Loader } from '../coco/loader';
import { tf } from '../tf';
import type { Tensor4D } from '../tf';

export class Teacher {
  /**
   * @param detector owned by the caller
   * @param deviations one positive number a pyramid level; anything else throws a RangeError
   */
  constructor(
    readonly detector: Detector,
    readonly deviations: number[],
  ) {
    checkDeviations(detector, deviations);
    for (const parameter of detector.parameters.all()) parameter.trainable = false;
  }

  /** Channels of every pyramid level. */
  get channels(): number {
    return this.detector.channels;
  }

  /** Pyramid of normalised pictures [N, H, W, 3], every level divided by its deviation. */
  pyramid(images: Tensor4D): Tensor4D[] {
    return tf.tidy(() =>
      this.detector.pyramid(images).map((map, level) => tf.div(map, this.deviations[level]) as Tensor4D),
    );
  }

  /** The detector's head on a divided pyramid, differentiable with respect to it. */
  head(pyramid: Tensor4D[]): unknown {
    return this.detector.head(pyramid.map((map, level) => tf.mul(map, this.deviations[level]) as Tensor4D));
  }
}

/** How many pictures the deviations of a pyramid are taken over, where there are as many. */
const DEVIATION_PICTURES = 80;

/**
 * Standard deviation of each pyramid level over the loader's first 80 pictures, or all where there
 * are fewer, however many a batch has.
 * @param loader in order, of all ranks the same
 * @throws RangeError naming the level whose deviation is 0 or not a finite number
 */
export async function pyramidDeviations(
  detector: Detector,
  loader: Loader,
  signal?: AbortSignal,
): Promise<number[]> {
  let levels: Moments[] = [];
  let left = DEVIATION_PICTURES;
  for (let step = 0; left > 0 && step < loader.batchesPerEpoch; step++) {
    signal?.throwIfAborted();
    const { images } = await loader.batch(step);
    const count = Math.min(left, images.shape[0]);
    const maps = tf.tidy(() => detector.pyramid(tf.slice(images, 0, count)));
    const found = maps.map(momentsOf);
    tf.dispose([images, maps]);
    levels = step === 0 ? found : levels.map((level, i) => joined(level, found[i]));
    left -= count;
  }
  const deviations = levels.map(({ squares, count }) => Math.sqrt(squares / count));
  checkDeviations(detector, deviations);
  return deviations;
}

function checkDeviations({ strides }: Detector, deviations: readonly number[]): void {
  if (deviations.length !== strides.length)
    throw new RangeError(
      `the teacher's pyramid has ${strides.length} levels, but ${deviations.length} deviations are given`,
    );
  for (const [level, deviation] of deviations.entries())
    if (!(deviation > 0 && deviation < Infinity))
      throw new RangeError(
        `pyramid level ${level} (stride ${strides[level]}) of the teacher has the deviation ${deviation}, where a ` +
          'number above 0 is expected: its weights are broken or were not loaded',
      );
}

/** Of the values of one pyramid level. */
interface Moments {
  count: number;
  mean: number;
  /** Sum of squared differences from the mean. */
  squares: number;
}

function momentsOf(map: Tensor4D): Moments {
  const moments = tf.tidy(() => tf.moments(map));
  const [mean, variance] = [moments.mean, moments.variance].map((scalar) => scalar.dataSync()[0]);
  tf.dispose([moments.mean, moments.variance]);
  return { count: map.size, mean, squares: map.size * variance };
}

/** Of the values of both together (Chan et al., Updating Formulae, 1979). */
function joined(a: Moments, b: Moments): Moments {
  const count = a.count + b.count;
  const apart = b.mean - a.mean;
  return {
    count,
    mean: a.mean + (apart * b.count) / count,
    squares: a.squares + b.squares + (apart ** 2 * a.count * b.count) / count,
  };
}
