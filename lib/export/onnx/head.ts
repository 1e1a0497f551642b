/** What the heads of all families are written from, and what they give. */
import type { DetectOptions } from '../../detection/detector';
import { MAX_LOG_RATIO } from '../../detection/boxes';
import { normName } from '../../detection/layers';
import type { TowerConfig } from '../../detection/tower';
import type { Size } from '../../coco/input-size';
import type { FeatureMap, Graph, Value } from './graph';
import { convNorm, type Network } from './layers';

/** What a head leaves to whoever suppresses beside the graph: one row an anchor or point. */
export interface RawOutput {
  name: string;
  value: Value;
  shape: readonly number[];
  meaning: string;
}

/** What goes on to suppression. */
export interface Candidates {
  /** [n, 4] x1, y1, x2, y2. */
  boxes: Value;
  /** [K, n], `NONE` for a class that a box is no candidate of. */
  scores: Value;
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
  const { graph } = network;
  const { value } = convNorm(network, { conv: name, norm: '' }, x);
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

/** The indices of the `maximum` highest of [n] values, best first, equal ones in their order. */
export function best(graph: Graph, values: Value, count: number, maximum: number): { top: Value; indices: Value } {
  const [top, indices] = graph.addMany('TopK', [values, graph.integers(Math.min(count, maximum))], 2);
  return { top, indices };
}
