/** Scores of a head's logits, as numbers outside TensorFlow, and which of them are best. */
import { tf, type Tensor } from '../tf';
import { descending } from './nms';

/** The sigmoid of every logit. Not in a tidy, which would look for tensors in every number. */
export function probabilities(logits: Tensor): Float32Array {
  const scores = tf.sigmoid(logits);
  const values = scores.dataSync() as Float32Array;
  scores.dispose();
  return values;
}

/** The `maximum` cells of highest value, best first; all of them, in their order, where there are no more. */
export function bestCells(count: number, maximum: number, value: (cell: number) => number): number[] {
  const cells = Array.from({ length: count }, (_, i) => i);
  if (count <= maximum) return cells;
  return descending(Float32Array.from(cells, value)).slice(0, maximum);
}
