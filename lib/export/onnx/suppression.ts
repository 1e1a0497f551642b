/** Non-maximum suppression as nodes: class by class, the best of all classes, best first. */
import type { DetectOptions } from '../../detection/detector';
import type { Graph, Value } from './graph';
import { type Candidates, NONE } from './head';

/** Boxes [n, 4], scores [n] and labels [n] of what is left, as `suppress` of lib/detection leaves it. */
export function suppressed(
  graph: Graph,
  { boxes, scores }: Candidates,
  classes: number,
  { iouThreshold, maximum }: Required<DetectOptions>,
): { boxes: Value; scores: Value; labels: Value } {
  const [batchOfBoxes, batchOfScores] = [boxes, scores].map((values) =>
    graph.add('Unsqueeze', [values, graph.integers(0)]),
  );
  const limits = [graph.integers(maximum), graph.number(iouThreshold), graph.number(NONE / 2)];
  // [M, 3] picture, class, candidate
  const kept = graph.add('NonMaxSuppression', [batchOfBoxes, batchOfScores, ...limits]);
  const [label, candidate] = [1, 2].map((column) => graph.add('Gather', [kept, graph.integer(column)], { axis: 1 }));
  // Equal scores in the order of the candidates, whatever their classes.
  const place = graph.add('Add', [graph.add('Mul', [candidate, graph.integer(classes)]), label]);
  const count = graph.add('Shape', [place]);
  const [, inOrder] = graph.addMany('TopK', [place, count], 2, { largest: 0 });
  const own = graph.add('Gather', [graph.add('GatherND', [batchOfScores, kept]), inOrder]);
  const most = graph.add('Min', [count, graph.integers(maximum)]);
  const [best, at] = graph.addMany('TopK', [own, most], 2);
  const rows = graph.add('Gather', [inOrder, at]);
  const [labels, chosen] = [label, candidate].map((values) => graph.add('Gather', [values, rows]));
  return { boxes: graph.add('Gather', [boxes, chosen]), scores: best, labels };
}
