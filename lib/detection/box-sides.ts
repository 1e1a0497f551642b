/**
 * Boxes by the distances from a point to their left, top, right and bottom side: losses by overlap,
 * and what an anchor's deltas are in this form.
 */
import { tf, type Scalar, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '../tf';
import { MAX_LOG_RATIO } from './boxes';

/** 'iou': -log IoU (Yu et al., arXiv 1608.01471); 'giou': 1 - generalised IoU (arXiv 1902.09630). */
export type BoxLossKind = 'iou' | 'giou';

/** The least IoU whose logarithm is taken, and the least areas that are divided by, as in mmdet. */
const EPSILON = { iou: 1e-6, giou: 1e-7 };

/**
 * The box loss of each point times its weight, as a sum divided by `normalizer`.
 * @param predicted [P, 4] distances from a point to the left, top, right and bottom side
 * @param wanted [P, 4] those of its object, in the same unit
 * @param weights [P]
 */
export function distanceLoss(
  predicted: Tensor2D,
  wanted: Tensor2D,
  weights: Tensor1D,
  normalizer: number,
  kind: BoxLossKind,
): Scalar {
  return tf.tidy(() => {
    const [p, w] = [predicted, wanted].map((distances) => tf.unstack(distances, 1));
    const common = sizes(p, w, tf.minimum).map((side) => tf.relu(side));
    const intersection = tf.mul(common[0], common[1]);
    const union = tf.maximum(tf.sub(tf.add(area(p), area(w)), intersection), EPSILON[kind]);
    const iou = tf.div(intersection, union);
    const loss =
      kind === 'iou' ? tf.neg(tf.log(tf.maximum(iou, EPSILON.iou))) : tf.sub(1, tf.sub(iou, waste(p, w, union)));
    return tf.div(tf.sum(tf.mul(loss, weights)), normalizer);
  });
}

/** Width and height of what `pick` makes of two boxes around the same point. */
function sizes(p: Tensor[], w: Tensor[], pick: (a: Tensor, b: Tensor) => Tensor): Tensor[] {
  return [0, 1].map((axis) => tf.add(pick(p[axis], w[axis]), pick(p[axis + 2], w[axis + 2])));
}

function area([left, top, right, bottom]: Tensor[]): Tensor {
  return tf.mul(tf.add(left, right), tf.add(top, bottom));
}

/** The share of the smallest box around both that neither fills. */
function waste(p: Tensor[], w: Tensor[], union: Tensor): Tensor {
  const [width, height] = sizes(p, w, tf.maximum);
  const around = tf.maximum(tf.mul(width, height), EPSILON.giou);
  return tf.div(tf.sub(around, union), around);
}

/**
 * The boxes of deltas [N, H, W, A * 4], as [N * H * W * A, 4] distances from the middle of each
 * anchor in its widths and heights. An overlap is the same in this unit as in pixels.
 */
export function sidesOfDeltas(deltas: Tensor4D): Tensor2D {
  return tf.tidy(() => {
    const [centre, logRatio] = tf.split(tf.reshape(deltas, [-1, 4]), 2, 1); // [P, 2]: x, y
    const half = tf.div(tf.exp(tf.clipByValue(logRatio, -MAX_LOG_RATIO, MAX_LOG_RATIO)), 2);
    return tf.concat([tf.sub(half, centre), tf.add(half, centre)], 1) as Tensor2D;
  });
}
