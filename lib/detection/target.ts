/** What a detector asks of the objects that it shall learn. */
import { type Target } from '../data/types';

/**
 * @param n the picture's number in its batch, for the sentence
 * @throws RangeError where a label is not below `classes` or a box has no area
 */
export function checkTarget({ boxes, labels }: Target, n: number, classes: number): void {
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
