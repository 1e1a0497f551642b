/**
 * torchvision's Faster R-CNN counts its background as class 0; ours, as mmdetection's, as the last
 * one, which has no box deltas.
 */
import type { StoredTensor } from './typed-data';

/** Which rows of theirs ours are, in our order: of the layers that have a row, or four, a class. */
const orders: [RegExp, (rows: number) => number[]][] = [
  [/(^|\.)roi_heads\.box_predictor\.cls_score\.\w+$/, (rows) => [...range(1, rows), 0]],
  [/(^|\.)roi_heads\.box_predictor\.bbox_pred\.\w+$/, (rows) => range(4, rows)],
];

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

function orderOf(name: string, [rows]: readonly number[]): number[] | undefined {
  return orders.find(([pattern]) => pattern.test(name))?.[1](rows);
}

/** The shape [rows, ...] of the file's tensor `name` when its rows are ours. */
export function shapeInRows(name: string, shape: number[]): number[] {
  const order = orderOf(name, shape);
  return order ? [order.length, ...shape.slice(1)] : shape;
}

/** The file's tensor `name` with our rows in our order. */
export function inRows(name: string, tensor: StoredTensor): StoredTensor {
  const order = orderOf(name, tensor.shape);
  if (!order) return tensor;
  const size = tensor.shape.slice(1).reduce((product, n) => product * n, 1);
  const data = Float32Array.from({ length: order.length * size }, (_, i) =>
    Number(tensor.data[order[Math.floor(i / size)] * size + (i % size)]),
  );
  return { ...tensor, shape: shapeInRows(name, tensor.shape), data };
}
