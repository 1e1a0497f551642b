/** RetinaNet's head as nodes: what lib/detection/retinanet computes and makes of it. */
import type { Size } from '../../coco/input-size';
import { AnchorGrids } from '../../detection/anchors';
import { pyramidStrides } from '../../detection/levels';
import type { RetinaNetConfig } from '../../detection/retinanet';
import type { FeatureMap, Value } from './graph';
import { anchorsOf, best, BOXES, concat, decoded, type Head, NONE, rows, sharedCandidates, tower } from './head';
import type { Network } from './layers';

export function retinaNetHead(network: Network, config: RetinaNetConfig, pyramid: FeatureMap[], extent: Size): Head {
  const { graph } = network;
  const { classes, head } = config;
  const strides = pyramidStrides(config.backbone, config.neck);
  const grids = new AnchorGrids(config.anchors, strides).of(
    pyramid.map(({ height, width }) => ({ shape: [1, height, width] })),
  );
  const levels = pyramid.map((map, level) => {
    const branch = (name: string, last: string, size: number): Value =>
      rows(network, `bbox_head.${last}`, tower(network, `bbox_head.${name}`, head, map), size);
    return {
      logits: branch('cls_convs', 'retina_cls', classes), // [H * W * A, K]
      deltas: branch('reg_convs', 'retina_reg', 4), // [H * W * A, 4]
      anchors: anchorsOf(graph, grids[level], level),
      count: grids[level].boxes.length / 4,
    };
  });
  const joined = (field: 'logits' | 'deltas' | 'anchors'): Value => concat(graph, levels.map((level) => level[field]));
  return {
    raw() {
      const count = levels.reduce((sum, level) => sum + level.count, 0);
      const boxes = decoded(graph, joined('anchors'), joined('deltas'), extent);
      return [
        { name: 'boxes', value: boxes, shape: [count, 4], meaning: BOXES },
        { name: 'logits', value: joined('logits'), shape: [count, classes], meaning: 'scores before the sigmoid' },
      ];
    },
    /** Of each level the best pairs of anchor and class. */
    candidates({ scoreThreshold, perLevel }) {
      const pairs = levels.map(({ logits, deltas, anchors: own, count }) => {
        const scores = graph.add('Reshape', [graph.add('Sigmoid', [logits]), graph.integers(-1)]);
        const { top, indices } = best(graph, scores, count * classes, perLevel);
        const anchor = graph.add('Div', [indices, graph.integer(classes)]);
        const [chosen, given] = [own, deltas].map((values) => graph.add('Gather', [values, anchor]));
        return { scores: top, labels: graph.add('Mod', [indices, graph.integer(classes)]), chosen, given };
      });
      const all = (field: keyof (typeof pairs)[number]): Value => concat(graph, pairs.map((pair) => pair[field]));
      const scores = all('scores');
      const everyClass = BigInt64Array.from({ length: classes }, (_, k) => BigInt(k));
      const isOwn = graph.add('Equal', [all('labels'), graph.constant('classes', everyClass, [classes, 1])]); // [K, n]
      const counts = graph.add('And', [isOwn, graph.add('Greater', [scores, graph.number(scoreThreshold)])]);
      const boxes = decoded(graph, all('chosen'), all('given'), extent);
      return sharedCandidates(graph, boxes, graph.add('Where', [counts, scores, graph.number(NONE)]));
    },
  };
}
