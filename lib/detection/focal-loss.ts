/**
 * The sigmoid focal loss (Lin et al., arXiv 1708.02002, formula 5) of all places of a batch at once,
 * with one custom gradient: a sum divided by a number, as in mmdet. The logits of a COCO picture are
 * the largest maps of a detector: nothing of their size outlives its use.
 */
import { tf, type Scalar, type Tensor, type Tensor2D, type Tensor4D } from '../tf';
import { joinLevels, splitLevels } from './levels';

export interface FocalConfig {
  /** Weight of an object's term; a background term has 1 - alpha. */
  alpha: number;
  /** Power that quietens easy terms. */
  gamma: number;
}

/**
 * Logits worked on at a time: the dozen intermediate results of a COCO picture's 16 million would
 * be the most memory that a training step takes.
 */
const CHUNK = 2 ** 20;

/**
 * What every place (an anchor, a point) of a batch learns of classes; places run over pictures, then
 * over one picture's levels.
 */
export interface ClassMatches {
  /** [places] 1, or 0 for a place that learns nothing. */
  weights: Float32Array;
  /** [P] indices of the places that learn an object; all others learn the background. */
  positives: Int32Array;
  /** [P] the classes of those objects. */
  labels: Int32Array;
}

/**
 * Focal loss / normalizer.
 * @param levels [N, H, W, A * classes], the class logits of each pyramid level
 */
export function focalLoss(
  levels: readonly Tensor4D[],
  classes: number,
  matches: ClassMatches,
  normalizer: number,
  config: FocalConfig,
): Scalar {
  const shapes = levels.map(({ shape }) => shape);
  const loss = tf.customGrad((...given) => {
    const save = given.pop() as unknown as (tensors: Tensor[]) => void;
    const logits = tf.tidy(() => joinLevels(given as Tensor4D[], classes));
    const { sums, slopes } = termsOf(logits, matches, normalizer, config);
    logits.dispose();
    const joined = tf.concat(slopes) as Tensor2D;
    tf.dispose(slopes);
    save(tf.tidy(() => splitLevels(joined, shapes)));
    joined.dispose();
    const scaled = (slope: Tensor, dy: Tensor): Tensor => {
      const gradient = tf.mul(slope, dy);
      slope.dispose();
      return gradient;
    };
    return { value: tf.addN(sums), gradFunc: (dy: Tensor, saved: Tensor[]) => saved.map((slope) => scaled(slope, dy)) };
  });
  return loss(...levels) as Scalar;
}

/** The sum of the terms of each chunk of `logits` [places, classes] and their derivatives. */
function termsOf(
  logits: Tensor2D,
  { weights, positives, labels }: ClassMatches,
  normalizer: number,
  { alpha, gamma }: FocalConfig,
): { sums: Tensor[]; slopes: Tensor2D[] } {
  const [places, classes] = logits.shape;
  const cells = Int32Array.from(positives, (place, i) => place * classes + labels[i]);
  const scales = Float32Array.from(weights, (weight) => weight / normalizer);
  const rows = 64 * Math.ceil(CHUNK / (64 * classes)); // so that no chunk but the last ends within a vector
  const objects = tf.tidy(() => {
    const z = tf.neg(tf.gather(tf.reshape(logits, [-1]), tf.tensor1d(cells, 'int32')));
    const { value, slope } = risingTerm(z, alpha, gamma);
    const scale = Math.fround(1 / normalizer);
    return { value: tf.mul(value, scale), slope: tf.mul(tf.neg(slope), scale) };
  });
  const sums: Tensor[] = [];
  const slopes: Tensor2D[] = [];
  for (let from = 0; from < places; from += rows) {
    const count = Math.min(rows, places - from);
    const own = [...positives.keys()].filter((i) => positives[i] >= from && positives[i] < from + count);
    /** All of one kind, with the objects in their cells. */
    const whole = (all: Tensor, ofObjects: Tensor): Tensor => {
      if (own.length === 0) return all;
      const indices = tf.tensor2d(own.map((i) => cells[i] - from * classes), [own.length, 1], 'int32');
      const values = tf.gather(ofObjects, tf.tensor1d(own, 'int32'));
      return tf.reshape(tf.tensorScatterUpdate(tf.reshape(all, [-1]), indices, values), [count, classes]);
    };
    const [sum, slope] = tf.tidy(() => {
      const term = risingTerm(tf.slice(logits, from, count), 1 - alpha, gamma);
      const scale = tf.tensor2d(scales.subarray(from, from + count), [count, 1]);
      return [
        tf.sum(whole(tf.mul(term.value, scale), objects.value)),
        whole(tf.mul(term.slope, scale), objects.slope) as Tensor2D,
      ];
    });
    sums.push(sum);
    slopes.push(slope as Tensor2D);
  }
  return { sums, slopes };
}

/**
 * weight sigmoid(z)^gamma softplus(z), the loss of a logit z that should be low, and its
 * derivative.
 */
function risingTerm(z: Tensor, weight: number, gamma: number): { value: Tensor; slope: Tensor } {
  const score = tf.sigmoid(z);
  const modulation = tf.mul(gamma === 2 ? tf.square(score) : tf.pow(score, gamma), weight);
  const softplus = tf.softplus(z);
  const slope = tf.add(tf.mul(tf.mul(tf.sub(1, score), softplus), gamma), score);
  return { value: tf.mul(modulation, softplus), slope: tf.mul(modulation, slope) };
}
