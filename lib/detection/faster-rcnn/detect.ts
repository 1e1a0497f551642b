/** From the second stage's outputs to detections, as mmdet's `BBoxHead.get_bboxes` does it. */
import { tf, type Tensor2D } from '../../tf';
import type { Detections } from '../../data/types';
import { type DetectOptions, detectSettings, type Extent } from '../detector';
import { Candidates } from '../nms';
import { type Deviations, regionMover } from './regions';

/**
 * Detections of each picture, best first.
 * @param boxes [R, 5] the regions of all pictures
 * @param logits [R, K + 1]
 * @param deltas [R, 4 K] or [R, 4]
 */
export function detectRegions(
  boxes: Float32Array,
  { logits, deltas }: { logits: Tensor2D; deltas: Tensor2D },
  deviations: Deviations,
  extents: readonly Extent[],
  options: DetectOptions,
): Detections[] {
  const { scoreThreshold, ...suppression } = detectSettings(options);
  const classes = logits.shape[1] - 1;
  const shared = deltas.shape[1] === 4;
  const probabilities = tf.softmax(logits);
  const scores = probabilities.dataSync() as Float32Array;
  probabilities.dispose();
  const move = regionMover(boxes, deltas.dataSync() as Float32Array, deviations, extents);
  const box = new Float32Array(4);
  return extents.map((_, n) => {
    const found = new Candidates();
    for (let r = 0; r < boxes.length / 5; r++) {
      if (boxes[5 * r] !== n) continue;
      for (let label = 0; label < classes; label++) {
        const score = scores[r * (classes + 1) + label];
        if (!(score > scoreThreshold)) continue;
        move(r, shared ? 4 * r : 4 * (r * classes + label), box, 0);
        found.add(box, score, label);
      }
    }
    return found.suppressed(suppression);
  });
}
