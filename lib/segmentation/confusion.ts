/**
 * Scores of segmentation from a matrix of counts, which are whole numbers and so the same in
 * whatever order pictures come: mmsegmentation's aAcc, mIoU and mAcc, to the last digit.
 */
import { IGNORED, type LabelMap } from '../data/label-map';

/** As fractions; NaN of a class that occurs nowhere. */
export interface SegmentationScore {
  /** Share of the labelled pixels that are right. */
  aAcc: number;
  /** Mean of `iou` over the classes that occur in labels or predictions. */
  mIoU: number;
  /** Mean of `accuracy` over the classes that occur in labels. */
  mAcc: number;
  /** Of each class: intersection over union of its predicted and its labelled pixels. */
  iou: number[];
  /** Of each class: share of its labelled pixels that are right. */
  accuracy: number[];
}

export class ConfusionMatrix {
  /** [classes, classes] whole numbers: pixels by label (row) and prediction (column). */
  readonly counts: Float64Array;

  constructor(readonly classes: number) {
    this.counts = new Float64Array(classes * classes);
  }

  /**
   * Counts the labelled pixels of a picture.
   * @param predicted [height * width] a class each
   * @throws RangeError where sizes differ or a class is none of `classes`
   */
  add(predicted: ArrayLike<number>, { labels, width, height }: LabelMap): void {
    const { classes, counts } = this;
    if (predicted.length !== labels.length)
      throw new RangeError(`${predicted.length} predictions for a label map of ${width} x ${height} pixels`);
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === IGNORED) continue;
      if (labels[i] >= classes || !(predicted[i] < classes))
        throw new RangeError(
          `pixel ${i % width}, ${Math.floor(i / width)} has the label ${labels[i]} and the prediction ` +
            `${predicted[i]}, where there are ${classes} classes`,
        );
      counts[labels[i] * classes + predicted[i]]++;
    }
  }

  /** Adds what others have counted, as `counts` of theirs. */
  merge(counts: ArrayLike<number>): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] += counts[i];
  }

  score(): SegmentationScore {
    const { classes, counts } = this;
    const each = Array.from({ length: classes }, (_, i) => i);
    const sum = (f: (j: number) => number): number => each.reduce((total, j) => total + f(j), 0);
    const right = each.map((i) => counts[i * classes + i]);
    const labelled = each.map((i) => sum((j) => counts[i * classes + j]));
    const predicted = each.map((j) => sum((i) => counts[i * classes + j]));
    const iou = right.map((n, i) => n / (labelled[i] + predicted[i] - n));
    const accuracy = right.map((n, i) => n / labelled[i]);
    return {
      aAcc: sum((i) => right[i]) / sum((i) => labelled[i]),
      mIoU: meanOfKnown(iou),
      mAcc: meanOfKnown(accuracy),
      iou,
      accuracy,
    };
  }
}

/** NumPy's `nanmean`. */
function meanOfKnown(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value)).length;
  return pairwiseSum(values.map((value) => (Number.isNaN(value) ? 0 : value))) / known;
}

/** A sum in the order in which NumPy adds, so that it rounds as NumPy's does. */
function pairwiseSum(values: readonly number[]): number {
  const n = values.length;
  if (n < 8) return values.reduce((sum, value) => sum + value, 0);
  if (n > 128) {
    const half = Math.floor(n / 2) - (Math.floor(n / 2) % 8);
    return pairwiseSum(values.slice(0, half)) + pairwiseSum(values.slice(half));
  }
  const r = values.slice(0, 8);
  const whole = n - (n % 8);
  for (let i = 8; i < whole; i++) r[i % 8] += values[i];
  const sum = r[0] + r[1] + (r[2] + r[3]) + (r[4] + r[5] + (r[6] + r[7]));
  return values.slice(whole).reduce((total, value) => total + value, sum);
}
