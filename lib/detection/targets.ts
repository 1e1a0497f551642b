/**
 * What every anchor of a batch learns: the assignment of anchors to objects in the form that the
 * losses read.
 */
import { type Target } from '../coco/types';
import { assign, type AssignConfig, IGNORED } from './assign';
import { encodeDelta } from './boxes';

/** An anchor's index runs over pictures, then over one picture's anchors. */
export interface Matches {
  /** [N * anchors] 1, or 0 for an anchor that learns nothing. */
  weights: Float32Array;
  /** [P] indices of the anchors that learn an object. */
  positives: Int32Array;
  /** [P] the classes of those objects. */
  labels: Int32Array;
  /** [P * 4] the box deltas of those anchors. */
  deltas: Float32Array;
  /** What mmdet divides the losses by: the positive anchors, each picture counted with at least one. */
  normalizer: number;
}

/**
 * Matches the anchors of each picture with its objects.
 * @param anchors [anchors * 4], the same for every picture
 * @throws if a label is not below `classes` or a box has no area; the loader leaves such boxes out
 */
export function matchTargets(
  anchors: Float32Array,
  targets: readonly Target[],
  classes: number,
  config: AssignConfig,
): Matches {
  const count = anchors.length / 4;
  const weights = new Float32Array(targets.length * count).fill(1);
  const [positives, labels, objects]: [number[], number[], number[]] = [[], [], []];
  let normalizer = 0;
  for (const [n, { boxes, labels: classOf }] of targets.entries()) {
    checkTarget(targets[n], n, classes);
    const before = positives.length;
    for (const [anchor, object] of assign(anchors, boxes, config).entries()) {
      if (object === IGNORED) weights[n * count + anchor] = 0;
      if (object < 0) continue;
      positives.push(n * count + anchor);
      labels.push(classOf[object]);
      objects.push(object);
    }
    normalizer += Math.max(1, positives.length - before);
  }
  const deltas = new Float32Array(4 * positives.length);
  for (const [i, index] of positives.entries())
    encodeDelta(anchors, index % count, targets[Math.floor(index / count)].boxes, objects[i], deltas, 4 * i);
  return { weights, positives: Int32Array.from(positives), labels: Int32Array.from(labels), deltas, normalizer };
}

function checkTarget({ boxes, labels }: Target, n: number, classes: number): void {
  if (boxes.length !== 4 * labels.length)
    throw new RangeError(
      `target ${n} has ${labels.length} labels, so ${4 * labels.length} box numbers are expected, not ${boxes.length}`,
    );
  for (const [i, label] of labels.entries()) {
    if (!(label >= 0 && label < classes))
      throw new RangeError(
        `target ${n}, object ${i}: label ${label} is not one of the model's ${classes} classes (0 to ` +
          `${classes - 1}); build the model with classes = the number of categories`,
      );
    const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4);
    if (!(x2 > x1 && y2 > y1))
      throw new RangeError(`target ${n}, object ${i}: the box [${x1}, ${y1}, ${x2}, ${y2}] has no area; leave it out`);
  }
}
