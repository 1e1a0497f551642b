/**
 * Non-maximum suppression, class by class (mmdet's `multiclass_nms`, torchvision's `batched_nms`):
 * greedy, from the best score down; equal scores keep their order.
 */
import { type Detections } from '../coco/types';
import { area } from './boxes';

/** Indices of `scores`, best first; equal scores in their order. */
export function descending(scores: ArrayLike<number>): number[] {
  return Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
}

/**
 * Keeps a candidate unless a better one of the same class overlaps it by more than `iouThreshold`,
 * and of those kept the best `maximum`, best first.
 */
export function suppress(candidates: Detections, options: { iouThreshold: number; maximum: number }): Detections {
  const { boxes, scores, labels } = candidates;
  const f = Math.fround;
  const threshold = f(options.iouThreshold);
  const keptOfClass = new Map<number, number[]>();
  const kept: number[] = [];
  for (const i of descending(scores)) {
    if (kept.length === options.maximum) break;
    const rivals = keptOfClass.get(labels[i]) ?? [];
    const suppressed = rivals.some((j) => {
      const width = f(Math.min(boxes[4 * i + 2], boxes[4 * j + 2]) - Math.max(boxes[4 * i], boxes[4 * j]));
      const height = f(Math.min(boxes[4 * i + 3], boxes[4 * j + 3]) - Math.max(boxes[4 * i + 1], boxes[4 * j + 1]));
      if (!(width > 0 && height > 0)) return false;
      const intersection = f(width * height);
      return f(intersection / f(f(area(boxes, j) + area(boxes, i)) - intersection)) > threshold;
    });
    if (suppressed) continue;
    kept.push(i);
    keptOfClass.set(labels[i], [...rivals, i]);
  }
  return select(candidates, kept);
}

/** The candidates `indices`, in that order. */
export function select({ boxes, scores, labels }: Detections, indices: readonly number[]): Detections {
  const chosen = new Float32Array(4 * indices.length);
  for (const [at, i] of indices.entries()) chosen.set(boxes.subarray(4 * i, 4 * i + 4), 4 * at);
  return {
    boxes: chosen,
    scores: Float32Array.from(indices, (i) => scores[i]),
    labels: Int32Array.from(indices, (i) => labels[i]),
  };
}
