/** Where a loss pulls at a student's maps: its gradient by them. */
import { tf, type Scalar, type Tensor2D, type Tensor4D } from '../tf';

export type LossOfMaps = (maps: Tensor4D[]) => Scalar;

/** The gradient of a loss by each of its maps. */
export function gradientsBy(loss: LossOfMaps, maps: readonly Tensor4D[]): Tensor4D[] {
  return tf.tidy(() => tf.grads((...own) => loss(own as Tensor4D[]))([...maps])) as Tensor4D[];
}

/**
 * How hard a loss pulls at each position of a map, over all channels together, where 1 is the mean
 * of the map: so losses of any weight and unit stand beside each other.
 * @param options.level of the pyramid, default the finest; options.picture of the batch, default
 *   the first
 * @returns [H, W]
 */
export function pullMap(
  loss: LossOfMaps,
  maps: readonly Tensor4D[],
  { level = 0, picture = 0 }: { level?: number; picture?: number } = {},
): Tensor2D {
  return tf.tidy(() => {
    const gradient = tf.slice(gradientsBy(loss, maps)[level], picture, 1);
    const pull = tf.squeeze<Tensor2D>(tf.norm(gradient, 2, 3), [0]);
    return tf.divNoNan(pull, tf.mean(pull));
  });
}
