/** FCOS's head as nodes: what lib/detection/fcos computes and makes of it. */
import type { Size } from '../../coco/input-size';
import type { FcosConfig } from '../../detection/fcos';
import { pyramidStrides } from '../../detection/levels';
import { pointGrids } from '../../detection/points';
import type { FeatureMap, Graph, Value } from './graph';
import { BOXES, concat, corners, type Head, placeCandidates, pointsOf, rows, tower } from './head';
import { parameter, type Network } from './layers';

export function fcosHead(network: Network, config: FcosConfig, pyramid: FeatureMap[], extent: Size): Head {
  const { graph } = network;
  const { classes, head } = config;
  const strides = pyramidStrides(config.backbone, config.neck);
  const grids = pointGrids(
    pyramid.map(({ height, width }) => ({ shape: [1, height, width, 1] })),
    strides,
    config.points,
  );
  const levels = pyramid.map((map, level) => {
    const ofClasses = tower(network, 'bbox_head.cls_convs', head, map);
    const ofBoxes = tower(network, 'bbox_head.reg_convs', head, map);
    const central = head.centernessOn === 'classification' ? ofClasses : ofBoxes;
    const raw = rows(network, 'bbox_head.conv_reg', ofBoxes, 4);
    return {
      logits: rows(network, 'bbox_head.conv_cls', ofClasses, classes), // [H * W, K]
      centerness: rows(network, 'bbox_head.conv_centerness', central, 1), // [H * W, 1]
      boxes: boxes(graph, pointsOf(graph, grids[level], level), distances(network, config, raw, level), extent),
      count: grids[level].height * grids[level].width,
    };
  });
  const joined = (field: 'logits' | 'centerness' | 'boxes'): Value =>
    concat(
      graph,
      levels.map((level) => level[field]),
    );
  return {
    raw() {
      const count = levels.reduce((sum, level) => sum + level.count, 0);
      const meaning = 'before the sigmoid; a score is the product of both sigmoids';
      return [
        { name: 'boxes', value: joined('boxes'), shape: [count, 4], meaning: BOXES },
        { name: 'logits', value: joined('logits'), shape: [count, classes], meaning },
        { name: 'centerness', value: joined('centerness'), shape: [count, 1], meaning },
      ];
    },
    candidates(settings) {
      const scored = levels.map(({ logits, centerness, boxes: own, count }) => {
        const scores = graph.add('Sigmoid', [logits]);
        const ranks = graph.add('Mul', [scores, graph.add('Sigmoid', [centerness])]);
        return { scores, ranks, boxes: own, count };
      });
      return placeCandidates(graph, scored, settings);
    },
  };
}

/** [H * W, 4] left, top, right, bottom in pixels. */
function distances(network: Network, { backbone, neck, head }: FcosConfig, raw: Value, level: number): Value {
  const { graph } = network;
  const { distance, scales = true } = head;
  const scaled = scales
    ? graph.add('Mul', [raw, parameter(network, `bbox_head.scales.${level}.scale`)])
    : raw;
  if (distance === 'exp') return graph.add('Exp', [scaled]);
  return graph.add('Mul', [graph.add('Relu', [scaled]), graph.number(pyramidStrides(backbone, neck)[level])]);
}

/** The boxes around `points` [n, 2], clipped to the picture. */
function boxes(graph: Graph, centres: Value, sides: Value, extent: Size): Value {
  const [before, after] = graph.addMany('Split', [sides, graph.integers(2, 2)], 2, { axis: 1 });
  return corners(graph, graph.add('Sub', [centres, before]), graph.add('Add', [centres, after]), extent);
}
