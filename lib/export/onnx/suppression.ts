/** Non-maximum suppression as nodes: class by class, the best of all classes, best first. */
import type { DetectOptions } from '../../detection/detector';
import type { Graph, Value } from './graph';
import { type Candidates, NONE } from './head';

/** Boxes [n, 4], scores [n] and labels [n] of what is left, as `suppress` of lib/detection leaves it. */
export function suppressed(
  graph: Graph,
  { boxes, scores }: Candidates,
  classes: number,
  { iouThreshold, maximum }: Pick<Required<DetectOptions>, 'iouThreshold' | 'maximum'>,
): { boxes: Value; scores: Value; labels: Value } {
  const limits = [graph.integers(maximum), graph.number(iouThreshold), graph.number(NONE / 2)];
  // [M, 3] batch, class of those of the batch, candidate; one of the first two is always 0
  const kept = graph.add('NonMaxSuppression', [boxes, scores, ...limits]);
  const column = (i: number): Value => graph.add('Gather', [kept, graph.integer(i)], { axis: 1 });
  const [label, candidate] = [graph.add('Add', [column(0), column(1)]), column(2)];
  // Equal scores in the order of the candidates, whatever their classes.
  const place = graph.add('Add', [graph.add('Mul', [candidate, graph.integer(classes)]), label]);
  const count = graph.add('Shape', [place]);
  const [, inOrder] = graph.addMany('TopK', [place, count], 2, { largest: 0 });
  const own = graph.add('Gather', [graph.add('GatherND', [scores, kept]), inOrder]);
  const most = graph.add('Min', [count, graph.integers(maximum)]);
  const [best, at] = graph.addMany('TopK', [own, most], 2);
  const rows = graph.add('Gather', [inOrder, at]);
  const places = graph.add('Gather', [graph.add('Gather', [kept, rows]), graph.integers(0, 2)], { axis: 1 });
  return {
    boxes: graph.add('GatherND', [boxes, places]),
    scores: best,
    labels: graph.add('Gather', [label, rows]),
  };
}
