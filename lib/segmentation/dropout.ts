/** Dropout of whole channels (PyTorch's Dropout2d), decided by a seed and a picture's id alone. */
import { Random } from '../core/random';
import { tf, type Tensor4D } from '../tf';

export interface Drawn {
  /** Of a run and its step. */
  seed: string;
  /** Of the pictures of a batch. */
  ids: readonly number[];
}

/**
 * Each channel of each picture is 0 with probability `rate`, else divided by 1 - rate. A picture has
 * the same channels left out whichever rank and place in the batch it has.
 * @param x [N, H, W, C]
 */
export function dropChannels(x: Tensor4D, rate: number, { seed, ids }: Drawn): Tensor4D {
  const [n, , , channels] = x.shape;
  if (ids.length !== n) throw new RangeError(`dropout: ${n} pictures, but the ids of ${ids.length} are given`);
  const factors = new Float32Array(n * channels);
  ids.forEach((id, picture) => {
    const random = new Random(`${seed}/dropout/${id}`);
    for (let c = 0; c < channels; c++) factors[picture * channels + c] = random.next() < rate ? 0 : 1 / (1 - rate);
  });
  return tf.tidy(() => tf.mul(x, tf.tensor4d(factors, [n, 1, 1, channels])) as Tensor4D);
}
