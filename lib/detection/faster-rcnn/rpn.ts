/**
 * The region proposal network of Faster R-CNN (Ren et al., arXiv 1506.01497) on a feature pyramid:
 * a 3x3 convolution shared by all levels, an objectness and four deltas of each anchor. Its losses
 * are over anchors drawn from each picture, as mmdet's `RPNHead`.
 */
import { tf, type Scalar, type Tensor1D, type Tensor2D, type Tensor4D } from '../../tf';
import type { Target } from '../../data/types';
import type { Parameters } from '../../core/parameters';
import type { Random } from '../../core/random';
import { type AnchorGrid, type Cells, onGrid, type TakesPart, withinBorder } from '../anchors';
import { assign, type AssignConfig } from '../assign';
import { encodeDelta } from '../boxes';
import type { Extent } from '../detector';
import { type Draw, sample } from '../draw';
import { convLevels, createConv } from '../../backbone/layers';
import { joinLevels } from '../levels';
import { boxLoss } from '../box-loss';

export interface RpnConfig {
  channels: number;
  assign: AssignConfig;
  /** Pixels beyond a picture's edges from which an anchor learns nothing. Default: any may. */
  allowedBorder?: number;
  /** Anchors drawn from each picture, and at most which share of them learns an object. */
  sample: { count: number; share: number };
  /** Of the deltas' smooth L1 (see box-loss.ts). Default 0: L1. */
  beta?: number;
}

/** One pyramid level's predictions of A anchors a position. */
export type RpnOutput = {
  /** [N, H, W, A] logits. */
  objectness: Tensor4D;
  /** [N, H, W, A * 4]. */
  deltas: Tensor4D;
};

const DEVIATION = 0.01;

/** Registers all parameters under `rpn_head.`. */
export function createRpn(
  parameters: Parameters,
  { channels }: RpnConfig,
  { inputs, anchors }: { inputs: number; anchors: number },
  random: Random,
): void {
  const shape = { init: DEVIATION, bias: 0 };
  createConv(parameters, 'rpn_head.rpn_conv', { ...shape, kernel: 3, inputs, outputs: channels }, random);
  createConv(parameters, 'rpn_head.rpn_cls', { ...shape, kernel: 1, inputs: channels, outputs: anchors }, random);
  createConv(parameters, 'rpn_head.rpn_reg', { ...shape, kernel: 1, inputs: channels, outputs: 4 * anchors }, random);
}

/** Predictions of every level of `pyramid`, in its order. */
export function rpn(parameters: Parameters, pyramid: readonly Tensor4D[]): RpnOutput[] {
  return tf.tidy(() => {
    const shared = convLevels(parameters, 'rpn_head.rpn_conv', pyramid, { activate: true });
    const [objectness, deltas] = ['cls', 'reg'].map((name) =>
      convLevels(parameters, `rpn_head.rpn_${name}`, shared, { activate: false }),
    );
    return pyramid.map((_, level) => ({ objectness: objectness[level], deltas: deltas[level] }));
  });
}

/** What the anchors that were drawn learn; their indices run over pictures, then over levels. */
export interface RpnMatches {
  /** [S] all that were drawn, and 1 for those that learn an object, else 0. */
  drawn: Int32Array;
  objects: Float32Array;
  /** [P] those that learn an object, and [P * 4] their deltas. */
  positives: Int32Array;
  deltas: Float32Array;
  /** The anchors drawn, each picture counted with at least one of either kind. */
  normalizer: number;
}

/**
 * Draws the anchors that learn.
 * @param pictures size, and the cells of each level whose anchors take part
 */
export function matchAnchors(
  grids: readonly AnchorGrid[],
  targets: readonly Target[],
  config: RpnConfig,
  pictures: readonly { extent: Extent; cells: readonly Cells[] }[],
  { choose, names }: Draw,
): RpnMatches {
  const count = grids.reduce((sum, { boxes }) => sum + boxes.length / 4, 0);
  const drawn: number[] = [];
  const objects: number[] = [];
  const positives: number[] = [];
  const deltas: number[] = [];
  const delta = new Float32Array(4);
  let normalizer = 0;
  for (const [n, { boxes }] of targets.entries()) {
    const { extent, cells } = pictures[n];
    const { allowedBorder } = config;
    const takesPart = allowedBorder === undefined ? undefined : withinBorder(extent, allowedBorder);
    const own = assign(grids, boxes, config.assign, cells, takesPart);
    const objectOf = new Map(own.positives.map((anchor, i) => [anchor, own.objects[i]]));
    const others = new Uint8Array(count); // 1 for the anchors that learn the background
    markAnchors(others, grids, cells, takesPart);
    for (const anchor of [...own.positives, ...own.ignored]) others[anchor] = 0;
    const negatives = marked(others);
    const chosen = sample(own.positives, negatives, config.sample, choose, `${names[n]}/anchors`);
    for (const anchor of chosen.positives) {
      positives.push(n * count + anchor);
      const [grid, index] = onGrid(grids, anchor);
      encodeDelta(grid.boxes, index, boxes, objectOf.get(anchor)!, delta, 0);
      deltas.push(...delta);
    }
    for (const kind of ['positives', 'negatives'] as const) {
      for (const anchor of chosen[kind]) drawn.push(n * count + anchor);
      objects.push(...chosen[kind].map(() => (kind === 'positives' ? 1 : 0)));
      normalizer += Math.max(1, chosen[kind].length);
    }
  }
  return {
    drawn: Int32Array.from(drawn),
    objects: Float32Array.from(objects),
    positives: Int32Array.from(positives),
    deltas: Float32Array.from(deltas),
    normalizer,
  };
}

/** Marks those of a picture's anchors, by index over all levels, that take part. */
function markAnchors(
  marks: Uint8Array,
  grids: readonly AnchorGrid[],
  cells: readonly Cells[],
  takesPart: TakesPart | undefined,
): void {
  let start = 0;
  for (const [level, grid] of grids.entries()) {
    const perCell = grid.base.length / 4;
    for (let y = 0; y < cells[level].height; y++) {
      const first = start + y * grid.width * perCell;
      const end = first + cells[level].width * perCell;
      if (!takesPart) marks.fill(1, first, end);
      else for (let i = first; i < end; i++) if (takesPart(grid, i - start)) marks[i] = 1;
    }
    start += grid.boxes.length / 4;
  }
}

/** Indices of the marks that are set. */
function marked(marks: Uint8Array): Int32Array {
  const indices = new Int32Array(marks.length);
  let count = 0;
  for (let i = 0; i < marks.length; i++) if (marks[i] !== 0) indices[count++] = i;
  return indices.subarray(0, count);
}

/** Binary cross entropy of the anchors drawn and smooth L1 of the deltas, both divided by `normalizer`. */
export function rpnLosses(
  outputs: readonly RpnOutput[],
  matches: RpnMatches,
  { beta = 0 }: Pick<RpnConfig, 'beta'>,
): { objectness: Scalar; box: Scalar } {
  const { drawn, objects, normalizer } = matches;
  const objectness = tf.tidy(() => {
    const all = tf.reshape(joinLevels(outputs.map((output) => output.objectness), 1), [-1]);
    const logits = tf.gather(all, tf.tensor1d(drawn, 'int32')) as Tensor1D;
    const entropies = tf.sub(tf.softplus(logits), tf.mul(logits, tf.tensor1d(objects)));
    return tf.div(tf.sum(entropies), normalizer) as Scalar;
  });
  const deltas = (): Tensor2D => joinLevels(outputs.map((output) => output.deltas), 4);
  const box = tf.tidy(() => boxLoss(deltas(), matches, normalizer, { beta }));
  return { objectness, box };
}
