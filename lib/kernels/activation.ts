/** Activations. */
import { tf, type Tensor } from '../tf';

/** max(x, 0), its gradient 0 at 0. */
export function relu<T extends Tensor>(x: T): T {
  return tf.relu(x);
}
