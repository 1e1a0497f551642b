/** Detections as rows of a COCO results file, boxes in the pixels of the original pictures. */
import { type CocoDetection } from './types';
import { type Detections, type Origin } from '../data/types';

/**
 * Rows of a COCO results file: boxes carried back to the original pictures (mirroring undone,
 * unscaled, clipped).
 * @param categories in the order of the class indices
 */
export function toCocoDetections(
  detections: readonly Detections[],
  origins: readonly Origin[],
  categories: readonly { id: number }[],
): CocoDetection[] {
  if (detections.length !== origins.length)
    throw new RangeError(`there are detections of ${detections.length} pictures but ${origins.length} origins`);
  return detections.flatMap(({ boxes, scores, labels }, n) => {
    const { id, width, height, scaleX, scaleY, inputWidth, flipped, augmented } = origins[n];
    const shift = augmented?.shift ?? { x: 0, y: 0 };
    return Array.from(labels, (label, i) => {
      if (label >= categories.length)
        throw new RangeError(`class ${label} has no category: only ${categories.length} are given`);
      const [left, top, right, bottom] = boxes.subarray(4 * i, 4 * i + 4);
      const [x1, x2] = (flipped ? [inputWidth - right, inputWidth - left] : [left, right]).map((x) =>
        clip((x - shift.x) / scaleX, width),
      );
      const [y1, y2] = [top, bottom].map((y) => clip((y - shift.y) / scaleY, height));
      const bbox: CocoDetection['bbox'] = [x1, y1, x2 - x1, y2 - y1];
      return { image_id: id, category_id: categories[label].id, bbox, score: scores[i] };
    });
  });
}

function clip(value: number, size: number): number {
  return Math.min(Math.max(value, 0), size);
}
