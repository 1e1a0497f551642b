/** Which regions of a picture the second stage looks at: mmdet's `RPNHead.get_bboxes`. */
import type { AnchorGrid } from '../anchors';
import { decodeDelta } from '../boxes';
import type { Extent } from '../detector';
import { Candidates } from '../nms';
import { bestOfLevels } from '../scores';
import type { RpnOutput } from './rpn';

export interface ProposalConfig {
  /** Anchors of best score of each level that go on to suppression. */
  perLevel: number;
  /** Overlap above which the lower scored of a level goes. */
  iouThreshold: number;
  /** Regions a picture. */
  maximum: number;
}

/** [n * 4] boxes of each picture, best first, clipped to it. */
export function proposalsOf(
  outputs: readonly RpnOutput[],
  grids: readonly AnchorGrid[],
  extents: readonly Extent[],
  { perLevel, iouThreshold, maximum }: ProposalConfig,
): Float32Array[] {
  const scored = outputs.map(({ objectness, deltas }) => ({ logits: objectness, deltas }));
  const levels = bestOfLevels(scored, 1, perLevel).map((best, level) => ({ ...best, anchors: grids[level].boxes }));
  const box = new Float32Array(4);
  return extents.map(({ inputWidth, inputHeight }, n) => {
    const found = new Candidates();
    for (const [level, { scores, places, deltas, anchors }] of levels.entries()) {
      const count = scores.length / extents.length;
      for (let i = n * count; i < (n + 1) * count; i++) {
        decodeDelta(anchors, places[i], deltas, 4 * i, [inputWidth, inputHeight], box, 0);
        if (box[2] > box[0] && box[3] > box[1]) found.add(box, scores[i], level);
      }
    }
    return found.suppressed({ iouThreshold, maximum }).boxes;
  });
}
