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
import type { HeadOutput, RetinaNet } from '../detection/retinanet';
import type { Loader } from '../coco/loader';
import { tf } from '../tf';
import type { Tensor4D } from '../tf';

export class Teacher {
  /**
   * @param detector owned by the caller
   * @param deviations one positive number a pyramid level
   */
  constructor(
    readonly detector: RetinaNet,
    readonly deviations: number[],
  ) {
    for (const parameter of detector.parameters.all()) parameter.trainable = false;
  }

  /** Channels of every pyramid level. */
  get channels(): number {
    return this.detector.config.neck.channels;
  }

  /** Pyramid of normalised pictures [N, H, W, 3], every level divided by its deviation. */
  pyramid(images: Tensor4D): Tensor4D[] {
    return tf.tidy(() =>
      this.detector.pyramid(images).map((map, level) => tf.div(map, this.deviations[level]) as Tensor4D),
    );
  }

  /** The detector's head on a divided pyramid, differentiable with respect to it. */
  head(pyramid: Tensor4D[]): HeadOutput[] {
    return this.detector.head(pyramid.map((map, level) => tf.mul(map, this.deviations[level]) as Tensor4D));
  }
}

/** Standard deviation of each pyramid level over the first `batches` batches of `loader`. */
export async function pyramidDeviations(
  detector: RetinaNet,
  loader: Loader,
  batches = 8,
  signal?: AbortSignal,
): Promise<number[]> {
  const sums: { square: number; plain: number; count: number }[] = [];
  for (let step = 0; step < Math.min(batches, loader.batchesPerEpoch); step++) {
    signal?.throwIfAborted();
    const { images } = await loader.batch(step);
    const moments = tf.tidy(() =>
      detector
        .pyramid(images)
        .map((map) => [tf.sum(map).dataSync()[0], tf.sum(tf.square(map)).dataSync()[0], map.size]),
    );
    images.dispose();
    moments.forEach(([plain, square, count], level) => {
      const sum = (sums[level] ??= { square: 0, plain: 0, count: 0 });
      sum.plain += plain;
      sum.square += square;
      sum.count += count;
    });
  }
  return sums.map(({ square, plain, count }) => Math.sqrt(square / count - (plain / count) ** 2));
}
