/**
 * RetinaNet's two losses over all anchors of a batch at once, each with one custom gradient: the
 * sigmoid focal loss (Lin et al., arXiv 1708.02002, formula 5) on the logits of all anchors and
 * smooth L1 on the deltas of the positive ones. Both are sums divided by the same `normalizer`, as
 * in mmdet.
 */
import { tf, type Scalar, type Tensor, type Tensor2D } from '../../tf';
import { type Matches } from './targets';

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
 * Focal loss / normalizer.
 * @param logits [anchors, classes], all pictures' anchors
 */
export function focalLoss(
  logits: Tensor2D,
  matches: Matches,
  normalizer: number,
  { alpha, gamma }: FocalConfig,
): Scalar {
  const { weights, positives, labels } = matches;
  const [anchors, classes] = logits.shape;
  const cells = Int32Array.from(positives, (anchor, i) => anchor * classes + labels[i]);
  const scales = Float32Array.from(weights, (weight) => weight / normalizer);
  const rows = 64 * Math.ceil(CHUNK / (64 * classes)); // so that no chunk but the last ends within a vector
  const loss = tf.customGrad((x, save) => {
    const chunks: [value: Tensor, slope: Tensor][] = [];
    for (let from = 0; from < anchors; from += rows)
      chunks.push(
        tf.tidy(() => {
          const count = Math.min(rows, anchors - from);
          const { value, slope } = risingTerm(tf.slice(x as Tensor2D, from, count), 1 - alpha, gamma);
          const scale = tf.tensor2d(scales.subarray(from, from + count), [count, 1]);
          return [tf.mul(value, scale), tf.mul(slope, scale)];
        }),
      );
    const objects = tf.tidy(() => {
      const z = tf.neg(tf.gather(tf.reshape(x as Tensor, [-1]), tf.tensor1d(cells, 'int32')));
      const { value, slope } = risingTerm(z, alpha, gamma);
      const scale = Math.fround(1 / normalizer);
      return [tf.mul(value, scale), tf.mul(tf.neg(slope), scale)];
    });
    /** All of one kind, with the objects in their cells. */
    const whole = (kind: 0 | 1): Tensor =>
      tf.tidy(() => {
        const parts = chunks.map((chunk) => chunk[kind]);
        const all = tf.concat(parts);
        tf.dispose(parts);
        if (cells.length === 0) return all;
        const indices = tf.tensor2d(cells, [cells.length, 1], 'int32');
        return tf.reshape(tf.tensorScatterUpdate(tf.reshape(all, [-1]), indices, objects[kind]), [anchors, classes]);
      });
    const value = tf.tidy(() => tf.sum(whole(0)));
    (save as (tensors: Tensor[]) => void)([whole(1)]);
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(saved[0], dy) };
  });
  return loss(logits) as Scalar;
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

/**
 * Smooth L1 of the positive anchors' deltas / normalizer: d^2 / (2 beta) below `beta`, |d| - beta /
 * 2 above it. `beta` 0 is L1.
 * @param deltas [anchors, 4], all pictures' anchors
 */
export function boxLoss(deltas: Tensor2D, matches: Matches, normalizer: number, { beta }: { beta: number }): Scalar {
  const { positives, deltas: wanted } = matches;
  const count = positives.length;
  const loss = tf.customGrad((x, save) => {
    if (count === 0) return { value: tf.scalar(0), gradFunc: () => tf.zeros(deltas.shape) };
    const indices = tf.tensor2d(positives, [count, 1], 'int32');
    const difference = tf.sub(tf.gather(x as Tensor, tf.reshape(indices, [-1])), tf.tensor2d(wanted, [count, 4]));
    const distance = tf.abs(difference);
    const curved = tf.minimum(distance, beta);
    const value = beta === 0 ? distance : tf.add(tf.div(tf.square(curved), 2 * beta), tf.sub(distance, curved));
    const slope = beta === 0 ? tf.sign(difference) : tf.clipByValue(tf.div(difference, beta), -1, 1);
    (save as (tensors: Tensor[]) => void)([tf.div(slope, normalizer), indices]);
    return {
      value: tf.div(tf.sum(value), normalizer),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.scatterND(saved[1], tf.mul(saved[0], dy), deltas.shape),
    };
  });
  return loss(deltas) as Scalar;
}
