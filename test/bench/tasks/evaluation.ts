/**
 * COCO box evaluation of made detections: 5,000 pictures, 80 categories, 36,000 boxes, 300,000
 * detections.
 */
import { evaluateBoxes } from 'freekd';
import type { CocoAnnotation, CocoDetection } from '../../../lib/dist/coco/types';
import type { Task } from '../side';

const [IMAGES, CATEGORIES, BOXES, DETECTIONS] = [5000, 80, 36000, 300000];

/** The same problem as python/evaluation.py's, from the same integers in the same order. */
function problem() {
  let state = 20241;
  const below = (n: number): number => {
    state = (state * 48271) % 2147483647;
    return (state >> 8) % n;
  };
  const box = (): CocoAnnotation['bbox'] => [below(2000) / 4, below(1500) / 4, 4 + below(800) / 4, 4 + below(600) / 4];
  const annotations = Array.from({ length: BOXES }, (_, i): CocoAnnotation => {
    const [image_id, category_id, bbox, iscrowd] = [
      1 + below(IMAGES),
      1 + below(CATEGORIES),
      box(),
      below(80) === 0 ? 1 : 0,
    ];
    return { id: i + 1, image_id, category_id, bbox, area: bbox[2] * bbox[3] * 0.75, iscrowd: iscrowd as 0 | 1 };
  });
  const detections = Array.from({ length: DETECTIONS }, (): CocoDetection => {
    const truth = annotations[below(BOXES)];
    const bbox =
      below(3) > 0 ? (truth.bbox.map((side) => side + (below(65) - 32) / 4) as CocoAnnotation['bbox']) : box();
    const category_id = below(4) > 0 ? truth.category_id : 1 + below(CATEGORIES);
    return { image_id: truth.image_id, category_id, bbox, score: below(8192) / 8192 };
  });
  const images = Array.from({ length: IMAGES }, (_, i) => ({
    id: i + 1,
    file_name: `${i}.jpg`,
    width: 640,
    height: 480,
  }));
  const categories = Array.from({ length: CATEGORIES }, (_, k) => ({ id: k + 1, name: `c${k}` }));
  return { truth: { images, annotations, categories }, detections };
}

export function prepare(): Task {
  const { truth, detections } = problem();
  return () => [...evaluateBoxes(truth, detections).stats];
}
