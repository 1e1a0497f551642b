/** Which regions of a picture the second stage looks at: mmdet's `RPNHead.get_bboxes`. */
import { tf } from '../../tf';
import type { AnchorGrid } from '../anchors';
import { decodeDelta } from '../boxes';
import type { Extent } from '../detector';
import { Candidates } from '../nms';
import { type Best, bestOfRows, readBest } from '../scores';
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
  const levels = outputs.map((output, level) => ({ ...bestAnchors(output, perLevel), anchors: grids[level].boxes }));
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

/** Of each picture the anchors of best score on a level, and their deltas. */
function bestAnchors({ objectness, deltas }: RpnOutput, maximum: number): Best {
  const [pictures] = objectness.shape;
  return readBest(() => {
    const best = bestOfRows(tf.sigmoid(tf.reshape(objectness, [pictures, -1])), maximum);
    return { ...best, deltas: tf.gather(tf.reshape(deltas, [pictures, -1, 4]), best.places, 1, 1) };
  });
}
