/** What the heads of all families are written from, and what they give. */
import type { DetectOptions } from '../../detection/detector';
import { MAX_LOG_RATIO } from '../../detection/boxes';
import { normName } from '../../backbone/layers';
import type { PointGrid } from '../../detection/points';
import type { TowerConfig } from '../../detection/tower';
import type { Size } from '../../coco/input-size';
import type { AnchorGrid } from '../../detection/anchors';
import type { FeatureMap, Graph, Side, Value } from './graph';
import { convNorm, type Network } from './layers';

/** What a head leaves to whoever suppresses beside the graph: one row an anchor, point or region. */
export interface RawOutput {
  name: string;
  value: Value;
  shape: readonly Side[];
  meaning: string;
}

/** What goes on to suppression. B is 1, or K where every class has boxes of its own. */
export interface Candidates {
  /** [B, n, 4] x1, y1, x2, y2. */
  boxes: Value;
  /** [B, K / B, n], `NONE` for a class that a box is no candidate of. */
  scores: Value;
}

/** Boxes [n, 4] that are candidates of all classes, with their scores [K, n]. */
export function sharedCandidates(graph: Graph, boxes: Value, scores: Value): Candidates {
  const batch = (values: Value): Value => graph.add('Unsqueeze', [values, graph.integers(0)]);
  return { boxes: batch(boxes), scores: batch(scores) };
}

/** What the boxes are, whatever makes them. */
export const BOXES = 'x1, y1, x2, y2 in pixels of the picture';

/** Below every score. */
export const NONE = -1;

/** A head whose last part is written on demand. */
export interface Head {
  raw(): RawOutput[];
  candidates(settings: Required<DetectOptions>): Candidates;
}

/** A tower's layers on one map. */
export function tower(network: Network, name: string, { convs, norm }: TowerConfig, x: FeatureMap): FeatureMap {
  let y = x;
  for (let i = 0; i < convs; i++) {
    const names = { conv: `${name}.${i}.conv`, norm: `${name}.${i}.${normName(norm)}` };
    y = convNorm(network, names, y, { norm, activate: true });
  }
  return y;
}

/** A convolution of `x` without norm, its channels as rows: [H * W * C / size, size], position by position. */
export function rows(network: Network, name: string, x: FeatureMap, size: number): Value {
  return positions(network.graph, convNorm(network, { conv: name, norm: '' }, x), size);
}

/** The channels of `x` as rows: [H * W * C / size, size], position by position. */
export function positions(graph: Graph, { value }: FeatureMap, size: number): Value {
  return graph.add('Reshape', [graph.add('Transpose', [value], { perm: [0, 2, 3, 1] }), graph.integers(-1, size)]);
}

export const concat = (graph: Graph, values: readonly Value[], axis = 0): Value =>
  values.length === 1 ? values[0] : graph.add('Concat', values, { axis });

/**
 * The boxes that `deltas` [n, 4] mean, clipped to the picture.
 * @param anchors [n, 4] x, y of their centres, width, height
 */
export function decoded(graph: Graph, anchors: Value, deltas: Value, extent: Size): Value {
  const halves = graph.integers(2, 2);
  const [centre, size] = graph.addMany('Split', [anchors, halves], 2, { axis: 1 });
  const [shift, logRatio] = graph.addMany('Split', [deltas, halves], 2, { axis: 1 });
  const middle = graph.add('Add', [centre, graph.add('Mul', [size, shift])]);
  const clipped = graph.add('Clip', [logRatio, graph.number(-MAX_LOG_RATIO), graph.number(MAX_LOG_RATIO)]);
  const half = graph.add('Mul', [graph.add('Mul', [size, graph.add('Exp', [clipped])]), graph.number(0.5)]);
  return corners(graph, graph.add('Sub', [middle, half]), graph.add('Add', [middle, half]), extent);
}

/** [n, 4] boxes of [n, 2] upper left and lower right corners, clipped to the picture. */
export function corners(graph: Graph, upperLeft: Value, lowerRight: Value, { width, height }: Size): Value {
  const boxes = concat(graph, [upperLeft, lowerRight], 1);
  const most = graph.constant('extent', Float32Array.of(width, height, width, height));
  return graph.add('Min', [graph.add('Max', [boxes, graph.number(0)]), most]);
}

/** [n, 1] width and height of boxes [n, 4]. */
export function sidesOf(graph: Graph, boxes: Value): [width: Value, height: Value] {
  const [upperLeft, lowerRight] = graph.addMany('Split', [boxes, graph.integers(2, 2)], 2, { axis: 1 });
  const sides = graph.add('Sub', [lowerRight, upperLeft]);
  const [width, height] = graph.addMany('Split', [sides, graph.integers(1, 1)], 2, { axis: 1 });
  return [width, height];
}

/** The indices of the `maximum` highest of [n] values, best first, equal ones in their order. */
export function best(graph: Graph, values: Value, count: number, maximum: number): { top: Value; indices: Value } {
  const [top, indices] = graph.addMany('TopK', [values, graph.integers(Math.min(count, maximum))], 2);
  return { top, indices };
}

/**
 * Candidates of places [n] with scores [n, K]: of each level the `perLevel` places whose best class
 * ranks highest, of those every class whose score counts.
 * @param levels `ranks` [n, K] are what a class ranks by and its score in the end
 */
export function placeCandidates(
  graph: Graph,
  levels: readonly { scores: Value; ranks: Value; boxes: Value; count: number }[],
  { scoreThreshold, perLevel }: Required<DetectOptions>,
): Candidates {
  const chosen = levels.map(({ count, ...values }) => {
    if (count <= perLevel) return values;
    const [highest] = graph.addMany('TopK', [values.ranks, graph.integers(1)], 2);
    const { indices } = best(graph, graph.add('Reshape', [highest, graph.integers(-1)]), count, perLevel);
    const [scores, ranks, boxes] = [values.scores, values.ranks, values.boxes].map((all) =>
      graph.add('Gather', [all, indices]),
    );
    return { scores, ranks, boxes };
  });
  const all = (field: keyof (typeof chosen)[number]): Value => concat(graph, chosen.map((level) => level[field]));
  const counts = graph.add('Greater', [all('scores'), graph.number(scoreThreshold)]); // [n, K]
  const scores = graph.add('Where', [counts, all('ranks'), graph.number(NONE)]);
  return sharedCandidates(graph, all('boxes'), graph.add('Transpose', [scores], { perm: [1, 0] }));
}

/** [H * W * A, 4] centre, width and height of the anchors of a level. */
export function anchorsOf(graph: Graph, { boxes }: AnchorGrid, level: number): Value {
  const values = new Float32Array(boxes.length);
  for (let i = 0; i < boxes.length; i += 4)
    for (const axis of [0, 1]) {
      const [low, high] = [boxes[i + axis], boxes[i + 2 + axis]];
      values[i + axis] = (low + high) / 2;
      values[i + 2 + axis] = high - low;
    }
  return graph.constant(`anchors_${level}`, values, [boxes.length / 4, 4]);
}

/** [H * W, 2] x and y of the points of a level. */
export function pointsOf(graph: Graph, { height, width, stride, first }: PointGrid, level: number): Value {
  const values = new Float32Array(2 * height * width);
  for (let i = 0; i < height * width; i++)
    values.set([i % width, Math.floor(i / width)].map((at) => at * stride + first), 2 * i);
  return graph.constant(`points_${level}`, values, [height * width, 2]);
}
