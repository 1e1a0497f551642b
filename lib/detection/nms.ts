/**
 * Non-maximum suppression, class by class (mmdet's `multiclass_nms`, torchvision's `batched_nms`):
 * greedy, from the best score down; equal scores keep their order.
 */
import { type Detections } from '../data/types';
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
  const areas = Float32Array.from(scores, (_, i) => area(boxes, i));
  /** Of each class the boxes kept, x1, y1, x2, y2 and area one after the other. */
  const keptOfClass = new Map<number, number[]>();
  const kept: number[] = [];
  for (const i of descending(scores)) {
    if (kept.length === options.maximum) break;
    let rivals = keptOfClass.get(labels[i]);
    if (!rivals) keptOfClass.set(labels[i], (rivals = []));
    const [x1, y1, x2, y2] = [boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]];
    const own = areas[i];
    let suppressed = false;
    for (let j = 0; j < rivals.length && !suppressed; j += 5) {
      const width = f(Math.min(x2, rivals[j + 2]) - Math.max(x1, rivals[j]));
      if (!(width > 0)) continue;
      const height = f(Math.min(y2, rivals[j + 3]) - Math.max(y1, rivals[j + 1]));
      if (!(height > 0)) continue;
      const intersection = f(width * height);
      suppressed = f(intersection / f(f(rivals[j + 4] + own) - intersection)) > threshold;
    }
    if (suppressed) continue;
    kept.push(i);
    rivals.push(x1, y1, x2, y2, own);
  }
  return select(candidates, kept);
}

/** Candidates one after the other, as they are met. */
export class Candidates {
  private readonly boxes: number[] = [];
  private readonly scores: number[] = [];
  private readonly labels: number[] = [];

  add(box: ArrayLike<number>, score: number, label: number): void {
    this.boxes.push(box[0], box[1], box[2], box[3]);
    this.scores.push(score);
    this.labels.push(label);
  }

  /** Those that `suppress` leaves. */
  suppressed(options: { iouThreshold: number; maximum: number }): Detections {
    const [boxes, scores] = [this.boxes, this.scores].map((values) => Float32Array.from(values));
    return suppress({ boxes, scores, labels: Int32Array.from(this.labels) }, options);
  }
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
