/**
 * CrossKD, cross-head distillation (Wang et al., CVPR 2024, arXiv 2306.11369): imitates
 * predictions, no features. The maps of the student's towers go on through the rest of the
 * teacher's head, and what that makes of them, z and b, imitates what it makes of the teacher's
 * own, z^t and b^t:
 *
 *   L = 1/n sum (sigma(z) - y)^2 BCE(sigma(z), y) + 1/m sum (1 - GIoU(b, b^t)),   y = sigma(z^t)
 *
 * over all places (anchors or points) of all levels. So the student's own last layers learn from
 * the true objects alone. The first term is the quality focal loss (Li et al., arXiv 2006.04388)
 * with its power 2.
 *
 * Written from the paper; its code has a licence that forbids deriving from it, and was not read.
 * Our reading where the paper leaves it open: n and m are what the task's own class and box loss
 * are divided by, both terms weigh 1, and the towers are cut before the last of their convolutions.
 * The centerness of FCOS, which the paper does not name, is not imitated.
 */
import type { DenseHead, DensePrediction, Detector } from '../../detection/detector';
import { distanceLoss } from '../../detection/box-sides';
import { tf, type Scalar, type Tensor, type Tensor4D } from '../../tf';
import type { LossParts } from '../../train/step';
import { needed, type ImitationKind } from './imitation';

export interface CrossKDSettings {
  weight: number;
  /** Of the boxes' term beside that of the classes; 1 by default. */
  boxes?: number;
  /** After how many convolutions the towers are cut; by default all of the teacher's but one. */
  after?: number;
}

/** What the sums over places are divided by. */
type Normalizers = Record<'classification' | 'box', number>;

/**
 * @param crossed what the teacher's head made of the student's maps; @param taught of its own:
 * constants
 */
export function crossKDLoss(
  crossed: readonly DensePrediction[],
  taught: readonly DensePrediction[],
  normalizers: Normalizers,
): Record<'classes' | 'boxes', Scalar> {
  return tf.tidy(() => ({
    classes: tf.addN(crossed.map(({ logits }, level) =>
      qualityFocalLoss(logits, taught[level].logits, normalizers.classification))),
    boxes: tf.addN(crossed.map(({ sides }, level) =>
      distanceLoss(sides, taught[level].sides, tf.ones([sides.shape[0]]), normalizers.box, 'giou'))),
  }));
}

/** Quality focal loss of power 2 / normalizer, with one custom gradient. */
function qualityFocalLoss(logits: Tensor4D, taught: Tensor4D, normalizer: number): Scalar {
  const loss = tf.customGrad((z, save) => {
    const [value, slope] = tf.tidy(() => {
      const [score, wanted] = [tf.sigmoid(z as Tensor), tf.sigmoid(taught)];
      const difference = tf.sub(score, wanted);
      const square = tf.square(difference);
      const entropy = tf.sub(tf.softplus(z as Tensor), tf.mul(wanted, z as Tensor));
      const rise = tf.mul(tf.mul(score, tf.sub(1, score)), tf.mul(2, entropy));
      return [
        tf.div(tf.sum(tf.mul(square, entropy)), normalizer),
        tf.div(tf.mul(difference, tf.add(rise, square)), normalizer),
      ];
    });
    (save as (tensors: Tensor[]) => void)([slope]);
    return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(saved[0], dy) };
  });
  return loss(logits) as Scalar;
}

const familyOf = ({ config: { kind = 'retinanet' } }: Detector): string => kind;

/**
 * The heads of both, checked.
 * @throws where the teacher's cannot go on from the student's maps
 */
function headsOf(student: Detector, teacher: Detector, given?: number): { dense: DenseHead<unknown>; after: number } {
  const { dense: own } = student;
  const { dense } = teacher;
  const families = [...new Set([student, teacher].map(familyOf))];
  if (!own || !dense || families.length > 1)
    throw new Error(
      "crosskd hands the maps of the student's towers to the teacher's head, which should be of the same family, " +
        `retinanet or fcos; here it is ${families.join(' and ')}`,
    );
  const after = given ?? Math.max(0, dense.towers.convs - 1);
  const fewest = Math.min(own.towers.convs, dense.towers.convs);
  if (after > fewest)
    throw new Error(
      `crosskd: towers of ${fewest} convolutions cannot be cut after ${after}: set weights.crosskd.after`,
    );
  const channels = [student, teacher].map((detector) => (after === 0 ? detector : detector.dense!.towers).channels);
  if (channels[0] !== channels[1])
    throw new Error(
      `crosskd: where the towers are cut, the student's have ${channels[0]} channels and the teacher's ` +
        `${channels[1]}: choose a student with as many, or another loss`,
    );
  return { dense, after };
}

export const crosskd: ImitationKind<CrossKDSettings> = {
  weights: ({ weight }) => ({ '': weight }),
  create({ weight, boxes = 1, after: given }, { student, teacher: { detector } }) {
    const { dense, after } = headsOf(student, detector, given);
    return {
      readsOutputs: true,
      keepsAfter: after,
      losses({ outputs, teacherOutputs, task }) {
        const { classification, box } = needed(
          task,
          'crosskd is divided as the losses of the task, of which there are none',
        );
        const crossed = dense.predictions(dense.from(outputs, after));
        const taught = dense.predictions(needed(teacherOutputs, "the teacher's head has not run"));
        const values = crossKDLoss(crossed, taught, {
          classification: classification.normalizer,
          box: box.normalizer,
        });
        const parts: LossParts = { crosskd: { value: values.classes, weight, share: classification.share } };
        if (boxes > 0) parts.crosskdBox = { value: values.boxes, weight: weight * boxes, share: box.share };
        return parts;
      },
    };
  },
};
