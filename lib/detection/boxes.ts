/**
 * Boxes as x1, y1, x2, y2 in float32 arrays of four a box: overlap, and the deltas that a head
 * predicts (mmdet's `DeltaXYWHBBoxCoder` with means 0 and deviations 1).
 */

/** Largest |log| of a predicted size ratio: mmdet's `wh_ratio_clip` of 16 / 1000. */
export const MAX_LOG_RATIO = Math.abs(Math.log(16 / 1000));
const MIN_UNION = 1e-6;

/**
 * Intersection over union of box i of `a` with box j of `b`, rounded to float32 at each step as
 * PyTorch does.
 */
export function iou(a: Float32Array, i: number, b: Float32Array, j: number): number {
  const f = Math.fround;
  const [p, q] = [4 * i, 4 * j];
  const width = f(Math.min(a[p + 2], b[q + 2]) - Math.max(a[p], b[q]));
  if (!(width > 0)) return 0;
  const height = f(Math.min(a[p + 3], b[q + 3]) - Math.max(a[p + 1], b[q + 1]));
  if (!(height > 0)) return 0;
  const intersection = f(width * height);
  return f(intersection / Math.max(f(f(area(a, i) + area(b, j)) - intersection), MIN_UNION));
}

/** Width times height of box i. */
export function area(boxes: Float32Array, i: number): number {
  const f = Math.fround;
  return f(f(boxes[4 * i + 2] - boxes[4 * i]) * f(boxes[4 * i + 3] - boxes[4 * i + 1]));
}

/**
 * Writes what a head should predict at `anchors[i]` for `boxes[j]`, dx, dy, dw, dh, to `out` from
 * `at` on.
 */
export function encodeDelta(
  anchors: Float32Array,
  i: number,
  boxes: Float32Array,
  j: number,
  out: Float32Array,
  at: number,
): void {
  const [p, q] = [4 * i, 4 * j];
  for (let axis = 0; axis < 2; axis++) {
    const [a1, a2, b1, b2] = [anchors[p + axis], anchors[p + 2 + axis], boxes[q + axis], boxes[q + 2 + axis]];
    out[at + axis] = ((b1 + b2) / 2 - (a1 + a2) / 2) / (a2 - a1);
    out[at + 2 + axis] = Math.log((b2 - b1) / (a2 - a1));
  }
}

/**
 * Writes the box that the four numbers of `deltas` from `from` on mean at `anchors[i]`, clipped to
 * [width, height].
 */
export function decodeDelta(
  anchors: Float32Array,
  i: number,
  deltas: Float32Array,
  from: number,
  extent: readonly [number, number],
  out: Float32Array,
  at: number,
): void {
  for (let axis = 0; axis < 2; axis++) {
    const [low, high] = [anchors[4 * i + axis], anchors[4 * i + 2 + axis]];
    const size = high - low;
    const centre = (low + high) / 2 + size * deltas[from + axis];
    const half = (size * Math.exp(clamp(deltas[from + 2 + axis], -MAX_LOG_RATIO, MAX_LOG_RATIO))) / 2;
    out[at + axis] = clamp(centre - half, 0, extent[axis]);
    out[at + 2 + axis] = clamp(centre + half, 0, extent[axis]);
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
