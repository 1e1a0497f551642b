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

/** Indices of the `maximum` highest scores, best first, equal scores in their order. */
export function best(scores: ArrayLike<number>, maximum: number): number[] {
  if (scores.length <= maximum) return descending(scores);
  const least = Float32Array.from(scores).sort()[scores.length - maximum]; // the worst that stays
  const indices: number[] = []; // with its equals, of which the first stay
  for (let i = 0; i < scores.length; i++) if (scores[i] >= least) indices.push(i);
  return descending(indices.map((i) => scores[i])).slice(0, maximum).map((i) => indices[i]);
}

/** The `maximum` cells of highest value, best first; all of them, in their order, where there are no more. */
export function bestCells(count: number, maximum: number, value: (cell: number) => number): number[] {
  const cells = Array.from({ length: count }, (_, i) => i);
  return count <= maximum ? cells : best(Float32Array.from(cells, value), maximum);
}
