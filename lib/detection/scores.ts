/** Scores of a head's logits, as numbers outside TensorFlow. */
import { tf, type Tensor } from '../tf';

/** The sigmoid of every logit. Not in a tidy, which would look for tensors in every number. */
export function probabilities(logits: Tensor): Float32Array {
  const scores = tf.sigmoid(logits);
  const values = scores.dataSync() as Float32Array;
  scores.dispose();
  return values;
}
