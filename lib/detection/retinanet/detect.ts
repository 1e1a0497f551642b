/**
 * From a head's outputs to detections, as mmdet does it: of each level the best scored pairs of
 * anchor and class, boxes decoded and clipped to the picture, then non-maximum suppression.
 */
import { type Detections } from '../../data/types';
import type { DetectOptions, Extent } from '../detector';
import { decodeDelta } from '../boxes';
import { type HeadOutput } from './head';
import { suppress } from '../nms';
import { best, probabilities } from '../scores';

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
  const { scoreThreshold = 0.05, perLevel = 1000, iouThreshold = 0.5, maximum = 100 } = options;
  const levels = outputs.map(({ logits, deltas }, level) => ({
    scores: probabilities(logits),
    deltas: deltas.dataSync() as Float32Array,
    anchors: anchors[level],
  }));
  return extents.map((extent, n) => {
    const candidates = levels.flatMap(({ scores, deltas, anchors: boxes }) => {
      const count = boxes.length / 4;
      const own = scores.subarray(n * count * classes, (n + 1) * count * classes);
      return bestPairs(own, scoreThreshold, perLevel).map(({ pair, score }) => {
        const anchor = Math.floor(pair / classes);
        return { score, label: pair % classes, anchors: boxes, anchor, deltas, from: 4 * (n * count + anchor) };
      });
    });
    const boxes = new Float32Array(4 * candidates.length);
    const size = [extent.inputWidth, extent.inputHeight] as const;
    for (const [i, c] of candidates.entries()) decodeDelta(c.anchors, c.anchor, c.deltas, c.from, size, boxes, 4 * i);
    const scores = Float32Array.from(candidates, (c) => c.score);
    const labels = Int32Array.from(candidates, (c) => c.label);
    return suppress({ boxes, scores, labels }, { iouThreshold, maximum });
  });
}

/**
 * Indices of the scores above the threshold, the best `maximum` of them, best first, equal scores
 * in their order.
 */
function bestPairs(scores: Float32Array, threshold: number, maximum: number): { pair: number; score: number }[] {
  const pairs = above(scores, threshold);
  const order = best(pairs.map((pair) => scores[pair]), maximum);
  return order.map((i) => ({ pair: pairs[i], score: scores[pairs[i]] }));
}

function above(scores: Float32Array, threshold: number): number[] {
  const indices: number[] = [];
  for (let i = 0; i < scores.length; i++) if (scores[i] > threshold) indices.push(i);
  return indices;
}
