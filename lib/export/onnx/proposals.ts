/** The regions that a detector in stages looks at, as nodes: `proposalsOf` of lib/detection/faster-rcnn. */
import type { Size } from '../../coco/input-size';
import { AnchorGrids } from '../../detection/anchors';
import type { NetworkConfig } from '../../detection/detector';
import type { FirstStageConfig } from '../../detection/faster-rcnn/first-stage';
import { pyramidStrides } from '../../detection/levels';
import type { FeatureMap, Value } from './graph';
import { anchorsOf, best, concat, decoded, NONE, rows, sharedCandidates, sidesOf } from './head';
import { convNorm, type Network } from './layers';
import { suppressed } from './suppression';

/** [R, 4] boxes, best first, clipped to the picture. */
export function proposals(
  network: Network,
  config: FirstStageConfig & NetworkConfig,
  pyramid: readonly FeatureMap[],
  extent: Size,
): Value {
  const { graph } = network;
  const { perLevel, ...suppression } = config.proposals.test;
  const grids = new AnchorGrids(config.anchors, pyramidStrides(config.backbone, config.neck)).of(
    pyramid.map(({ height, width }) => ({ shape: [1, height, width] })),
  );
  const levels = pyramid.map((map, level) => {
    const hidden = convNorm(network, { conv: 'rpn_head.rpn_conv', norm: '' }, map, { activate: true });
    const objectness = graph.add('Sigmoid', [rows(network, 'rpn_head.rpn_cls', hidden, 1)]);
    const count = grids[level].boxes.length / 4;
    const { top, indices } = best(graph, graph.add('Reshape', [objectness, graph.integers(-1)]), count, perLevel);
    const [anchors, deltas] = [anchorsOf(graph, grids[level], level), rows(network, 'rpn_head.rpn_reg', hidden, 4)].map(
      (all) => graph.add('Gather', [all, indices]),
    );
    return { scores: top, anchors, deltas, count: Math.min(count, perLevel) };
  });
  const all = (field: 'scores' | 'anchors' | 'deltas'): Value => concat(graph, levels.map((level) => level[field]));
  const boxes = decoded(graph, all('anchors'), all('deltas'), extent);
  // Each level is a class of its own: boxes suppress those of their level.
  const ofCandidates = levels.flatMap(({ count }, level) => new Array<bigint>(count).fill(BigInt(level)));
  const isOwn = graph.add('Equal', [
    graph.constant('level_of_candidate', BigInt64Array.from(ofCandidates)),
    graph.constant('levels', BigInt64Array.from(levels.keys(), BigInt), [levels.length, 1]),
  ]); // [L, n]
  const shorter = graph.add('Reshape', [graph.add('Min', sidesOf(graph, boxes)), graph.integers(-1)]);
  const counts = graph.add('And', [isOwn, graph.add('Greater', [shorter, graph.number(0)])]);
  const scores = graph.add('Where', [counts, all('scores'), graph.number(NONE)]);
  return suppressed(graph, sharedCandidates(graph, boxes, scores), levels.length, suppression).boxes;
}
