/** Scores of a head's logits, as numbers outside TensorFlow, and which of them are best. */
import { attribute, execute1 } from '../core/native';
import { takeRows } from '../kernels/take-rows';
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

/** Of each of N pictures the `count` best of a level: numbers, no tensors. */
export interface Best {
  /** [N * count] */
  scores: Float32Array;
  /** [N * count] In a picture's row of scores. */
  places: Int32Array;
  /** [N * count * 4] Those of the row that a place is in. */
  deltas: Float32Array;
}

/**
 * What `bestOfRows` finds on each level. All levels are read together: where a GPU computes, the host
 * waits for it twice.
 * @param logits of each level, [N, ...], with `classes` numbers a row of `deltas`
 * @param deltas of each level, [N, ...] with 4 numbers a row
 */
export function bestOfLevels(
  levels: readonly { logits: Tensor; deltas: Tensor }[],
  classes: number,
  maximum: number,
): Best[] {
  const [pictures] = levels[0].logits.shape;
  const counts = levels.map(({ logits }) => Math.min(maximum, logits.size / pictures));
  const found = readLevels(counts, 2 * pictures, () =>
    levels.map(({ logits }) => {
      const { scores, places } = bestOfRows(tf.sigmoid(tf.reshape(logits, [pictures, -1])), maximum);
      // The bits of whole numbers, so that they travel with the scores.
      const bits = [attribute.int32('T'), attribute.float32('type')];
      return tf.concat([scores, execute1('Bitcast', bits, [places]) as Tensor2D]);
    }),
  );
  const best = found.map((numbers) => ({
    scores: numbers.slice(0, numbers.length / 2),
    places: new Int32Array(numbers.slice(numbers.length / 2).buffer),
  }));
  const deltas = readLevels(counts, 4 * pictures, () =>
    levels.map((level, l) => {
      const rows = tf.reshape(level.deltas, [-1, 4]);
      const perPicture = rows.shape[0] / pictures;
      const row = (place: number, i: number): number =>
        Math.floor(i / counts[l]) * perPicture + Math.floor(place / classes);
      return takeRows(rows, tf.tensor1d(best[l].places.map(row), 'int32'));
    }),
  );
  return best.map((of, l) => ({ ...of, deltas: deltas[l] }));
}

/** Numbers of each level, `each` times its count. Not read in a tidy, which would look for tensors in every number. */
function readLevels(counts: readonly number[], each: number, compute: () => Tensor[]): Float32Array[] {
  const all = tf.tidy(() => tf.concat(compute().map((tensor) => tf.reshape(tensor, [-1]))));
  const numbers = all.dataSync() as Float32Array;
  all.dispose();
  let end = 0;
  return counts.map((count) => numbers.slice(end, (end += each * count)));
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
