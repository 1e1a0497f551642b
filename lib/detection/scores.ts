/** Scores of a head's logits, as numbers outside TensorFlow, and which of them are best. */
import { tf, type Tensor, type Tensor2D } from '../tf';
import { descending } from './nms';

/** The sigmoid of every logit. Not in a tidy, which would look for tensors in every number. */
export function probabilities(logits: Tensor): Float32Array {
  const scores = tf.sigmoid(logits);
  const values = scores.dataSync() as Float32Array;
  scores.dispose();
  return values;
}

/**
 * The `maximum` highest of each row of scores [N, P], none below 0, best first and equal ones in
 * their order; all of a row where it has no more. NaN counts as 0.
 * @returns both [N, count]
 */
export function bestOfRows(scores: Tensor2D, maximum: number): { scores: Tensor2D; places: Tensor2D } {
  return tf.tidy(() => {
    const numbers = tf.where(tf.greater(scores, 0), scores, tf.zerosLike(scores)); // NaN has no order
    const { values, indices } = tf.topk(numbers, Math.min(maximum, scores.shape[1]));
    return { scores: values as Tensor2D, places: indices as Tensor2D };
  });
}

/** What came of `bestOfRows`, [N * count], and the deltas of those anchors, [N * count * 4]: numbers, no tensors. */
export interface Best {
  scores: Float32Array;
  places: Int32Array;
  deltas: Float32Array;
}

/** Reads what `compute` gives. Not in a tidy, which would look for tensors in every number. */
export function readBest(compute: () => Record<keyof Best, Tensor>): Best {
  const found = tf.tidy(compute);
  const read = <T>(tensor: Tensor): T => {
    const values = tensor.dataSync() as T;
    tensor.dispose();
    return values;
  };
  return { scores: read(found.scores), places: read(found.places), deltas: read(found.deltas) };
}

/** Indices of the `maximum` highest scores, best first, equal scores in their order. */
export function best(scores: Float32Array, maximum: number): number[] {
  if (scores.length <= maximum) return descending(scores);
  const least = scores.slice().sort()[scores.length - maximum]; // the worst that stays
  const indices: number[] = []; // with its equals, of which the first stay
  for (let i = 0; i < scores.length; i++) if (scores[i] >= least) indices.push(i);
  return descending(indices.map((i) => scores[i])).slice(0, maximum).map((i) => indices[i]);
}

/** The `maximum` cells of highest value, best first; all of them, in their order, where there are no more. */
export function bestCells(count: number, maximum: number, value: (cell: number) => number): number[] {
  const cells = Array.from({ length: count }, (_, i) => i);
  return count <= maximum ? cells : best(Float32Array.from(cells, value), maximum);
}
