/** RepPoints' head as nodes: what lib/detection/reppoints computes and makes of it. */
import type { Size } from '../../coco/input-size';
import { pyramidStrides } from '../../detection/levels';
import { pointGrids } from '../../detection/points';
import type { RepPointsConfig } from '../../detection/reppoints';
import { TAPS } from '../../detection/reppoints/head';
import { POINTS } from '../../detection/reppoints/moments';
import type { FeatureMap, Value } from './graph';
import { BOXES, concat, corners, type Head, placeCandidates, pointsOf, positions, rows, tower } from './head';
import { convNorm, convolved, parameter, relu, sum, type Network } from './layers';

export function repPointsHead(network: Network, config: RepPointsConfig, pyramid: FeatureMap[], extent: Size): Head {
  const { graph } = network;
  const { classes, head } = config;
  const strides = pyramidStrides(config.backbone, config.neck);
  const grids = pointGrids(
    pyramid.map(({ height, width }) => ({ shape: [1, height, width, 1] })),
    strides,
    'corner',
  );
  const taps = graph.constant('taps', Float32Array.from(TAPS), [1, 2 * POINTS, 1, 1]);
  const levels = pyramid.map((map, level) => {
    const ofPoints = tower(network, 'bbox_head.reg_convs', head, map);
    const hidden = layer(network, 'pts_init_conv', ofPoints, true);
    const initial = layer(network, 'pts_init_out', hidden);
    const offsets = graph.add('Sub', [initial.value, taps]);
    const moved = layer(network, 'pts_refine_out', readAt(network, 'pts_refine', ofPoints, offsets));
    const refined = sum(graph, moved, initial);
    const ofClasses = readAt(network, 'cls', tower(network, 'bbox_head.cls_convs', head, map), offsets);
    const sides = momentBoxes(network, positions(graph, refined, 2 * POINTS));
    const [upperLeft, lowerRight] = sides.map((side) =>
      graph.add('Add', [graph.add('Mul', [side, graph.number(strides[level])]), pointsOf(graph, grids[level], level)]),
    );
    return {
      logits: rows(network, 'bbox_head.reppoints_cls_out', ofClasses, classes), // [H * W, K]
      boxes: corners(graph, upperLeft, lowerRight, extent),
      count: map.height * map.width,
    };
  });
  const joined = (field: 'logits' | 'boxes'): Value => concat(graph, levels.map((level) => level[field]));
  return {
    raw() {
      const count = levels.reduce((total, level) => total + level.count, 0);
      return [
        { name: 'boxes', value: joined('boxes'), shape: [count, 4], meaning: BOXES },
        { name: 'logits', value: joined('logits'), shape: [count, classes], meaning: 'scores before the sigmoid' },
      ];
    },
    candidates(settings) {
      const scored = levels.map(({ logits, boxes, count }) => {
        const scores = graph.add('Sigmoid', [logits]);
        return { scores, ranks: scores, boxes, count };
      });
      return placeCandidates(graph, scored, settings);
    },
  };
}

const layer = (network: Network, name: string, x: FeatureMap, activate = false): FeatureMap =>
  convNorm(network, { conv: `bbox_head.reppoints_${name}`, norm: '' }, x, { activate });

/** A deformable convolution with ReLU. */
function readAt(network: Network, name: string, x: FeatureMap, offsets: Value): FeatureMap {
  const conv = `bbox_head.reppoints_${name}_conv`;
  return relu(network.graph, convolved(network, conv, x, [parameter(network, `${conv}.weight`)], { offsets }));
}

/** Two [n, 2], the upper left and lower right x, y of points [n, 18]: y1, x1, y2, x2, ... */
function momentBoxes(network: Network, points: Value): [Value, Value] {
  const { graph } = network;
  // [18, 2]: the mean over x, over y, times `factor`
  const means = (name: string, factor: number): Value => {
    const values = Float32Array.from({ length: 4 * POINTS }, (_, i) => (i % 4 === 1 || i % 4 === 2 ? factor : 0));
    return graph.constant(name, values, [2 * POINTS, 2]);
  };
  const mean = graph.add('MatMul', [points, means('point_mean', 1 / POINTS)]);
  const [x, y] = graph.addMany('Split', [mean, graph.integers(1, 1)], 2, { axis: 1 });
  const everyMean = graph.add('Tile', [concat(graph, [y, x], 1), graph.integers(1, POINTS)]);
  const apart = graph.add('Sub', [points, everyMean]);
  const squares = graph.add('Mul', [apart, apart]);
  const variance = graph.add('MatMul', [squares, means('point_variance', 1 / (POINTS - 1))]);
  const factors = graph.add('Exp', [parameter(network, 'bbox_head.moment_transfer')]); // of x, of y
  const half = graph.add('Mul', [graph.add('Sqrt', [variance]), factors]);
  return [graph.add('Sub', [mean, half]), graph.add('Add', [mean, half])];
}
