/** Which regions of a picture the second stage looks at: mmdet's `RPNHead.get_bboxes`. */
import type { AnchorGrid } from '../anchors';
import { decodeDelta } from '../boxes';
import type { Extent } from '../detector';
import { Candidates } from '../nms';
import { best, probabilities } from '../scores';
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
  const levels = outputs.map(({ objectness, deltas }, level) => ({
    scores: probabilities(objectness),
    deltas: deltas.dataSync() as Float32Array,
    anchors: grids[level].boxes,
  }));
  const box = new Float32Array(4);
  return extents.map(({ inputWidth, inputHeight }, n) => {
    const found = new Candidates();
    for (const [level, { scores, deltas, anchors }] of levels.entries()) {
      const count = anchors.length / 4;
      const own = scores.subarray(n * count, (n + 1) * count);
      for (const anchor of best(own, perLevel)) {
        decodeDelta(anchors, anchor, deltas, 4 * (n * count + anchor), [inputWidth, inputHeight], box, 0);
        if (!(box[2] > box[0] && box[3] > box[1])) continue;
        found.add(box, own[anchor], level);
      }
    }
    return found.suppressed({ iouThreshold, maximum }).boxes;
  });
}
