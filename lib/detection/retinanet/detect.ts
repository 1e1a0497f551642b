/**
 * From a head's outputs to detections, as mmdet does it: of each level the best scored pairs of
 * anchor and class, boxes decoded and clipped to the picture, then non-maximum suppression.
 */
import { type Detections } from '../../data/types';
import { type DetectOptions, detectSettings, type Extent } from '../detector';
import { decodeDelta } from '../boxes';
import { type HeadOutput } from './head';
import { Candidates } from '../nms';
import { bestOfLevels } from '../scores';

/**
 * Detections of each picture, best first.
 * @param anchors of each level, [H * W * A * 4]
 */
export function detect(
  outputs: readonly HeadOutput[],
  anchors: readonly Float32Array[],
  classes: number,
  extents: readonly Extent[],
  options: DetectOptions = {},
): Detections[] {
  const { scoreThreshold, perLevel, ...suppression } = detectSettings(options);
  const levels = bestOfLevels(outputs, classes, perLevel).map((best, level) => ({ ...best, anchors: anchors[level] }));
  const box = new Float32Array(4);
  return extents.map(({ inputWidth, inputHeight }, n) => {
    const found = new Candidates();
    for (const { scores, places, deltas, anchors: boxes } of levels) {
      const count = scores.length / extents.length;
      for (let i = n * count; i < (n + 1) * count && scores[i] > scoreThreshold; i++) {
        const anchor = Math.floor(places[i] / classes);
        decodeDelta(boxes, anchor, deltas, 4 * i, [inputWidth, inputHeight], box, 0);
        found.add(box, scores[i], places[i] % classes);
      }
    }
    return found.suppressed(suppression);
  });
}
