/** The input of an exported detector: a picture as decoders give it, made the network's own. */
import { PAD_MULTIPLE, paddedSize, type Size } from '../../coco/input-size';
import { IMAGENET } from '../../coco/transforms';
import type { Normalization } from '../../data/types';
import type { FeatureMap, Graph } from './graph';

/** Adds the input `picture` and what the loader does to it: order, mean, deviation, zeros to a multiple of 32. */
export function picture(graph: Graph, size: Size, { order, mean, std }: Normalization = IMAGENET): FeatureMap {
  const { width, height } = size;
  const meaning = 'R, G, B of every pixel, row by row, as a decoder gives them, of this very size';
  const pixels = graph.input('picture', 'uint8', [1, height, width, 3], meaning);
  let x = graph.add('Cast', [pixels], { to: 1 });
  if (order === 'bgr') x = graph.add('Gather', [x, graph.integers(2, 1, 0)], { axis: 3 });
  x = graph.add('Sub', [x, graph.constant('mean', Float32Array.from(mean))]);
  x = graph.add('Div', [x, graph.constant('std', Float32Array.from(std))]);
  x = graph.add('Transpose', [x], { perm: [0, 3, 1, 2] });
  const padded = paddedSize([size], PAD_MULTIPLE);
  const [below, right] = [padded.height - height, padded.width - width];
  if (below > 0 || right > 0) x = graph.add('Pad', [x, graph.integers(0, 0, 0, 0, 0, 0, below, right)]);
  return { value: x, channels: 3, ...padded };
}
