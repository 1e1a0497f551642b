/**
 * RoIAlign of 2 x 512 RoIs on four levels of 256 channels, and a 3x3 deformable convolution of 256
 * channels, forward and backward.
 */
import { tf } from 'freekd';
import { deformConv2d } from '../../../lib/dist/kernels/deform-conv';
import { roiAlign } from '../../../lib/dist/kernels/roi-align';
import type { Tensor, Tensor2D, Tensor4D } from '../../../lib/dist/tf';
import { numbers } from '../../detection/golden';
import type { Task } from '../side';

const [BATCH, CHANNELS, ROIS, WIDTH, HEIGHT] = [2, 256, 512, 672, 512];
const STRIDES = [4, 8, 16, 32];

const hashed = (key: string, shape: number[], low = -1, high = 1): Tensor =>
  tf.tensor(numbers(`bench/${key}`, shape.reduce((product, n) => product * n, 1), low, high), shape);

/** f's sum of products with r, and how far its gradients reach: numbers that both sides compute. */
function forwardAndBackward(f: (inputs: Tensor[]) => Tensor, inputs: Tensor[], r: Tensor): number[] {
  return tf.tidy(() => {
    const loss = (...leaves: Tensor[]): tf.Scalar => tf.sum(tf.mul(f(leaves), r));
    const { value, grads } = tf.valueAndGrads(loss)(inputs);
    return [value, ...grads.map((gradient) => tf.sum(tf.abs(gradient)))].map((scalar) => scalar.dataSync()[0]);
  });
}

/** 2 x 512 boxes [R, 5], and each one's level as Faster R-CNN chooses it. */
function boxes(): { rois: Tensor2D; level: Int32Array } {
  const count = BATCH * ROIS;
  const [x, y] = [numbers('bench/rois.x', count, 0, 300), numbers('bench/rois.y', count, 0, 200)];
  const [w, h] = [numbers('bench/rois.w', count, 16, 600), numbers('bench/rois.h', count, 16, 500)];
  const level = new Int32Array(count);
  const rows = Array.from({ length: count }, (_, r) => {
    const right = Math.min(Math.fround(x[r] + w[r]), WIDTH);
    const bottom = Math.min(Math.fround(y[r] + h[r]), HEIGHT);
    const side = Math.sqrt((right - x[r]) * (bottom - y[r]));
    level[r] = Math.min(Math.max(Math.floor(Math.log2(side / 56 + 1e-6)), 0), 3);
    return [r % BATCH, x[r], y[r], right, bottom];
  });
  return { rois: tf.tensor2d(rows), level };
}

export function prepare(name: string): Task {
  if (name === 'roi-align') {
    const { rois, level } = boxes();
    const options = { level: tf.tensor1d(level, 'int32'), scales: STRIDES.map((stride) => 1 / stride) };
    const maps = STRIDES.map((stride) => hashed(`map.${stride}`, [BATCH, HEIGHT / stride, WIDTH / stride, CHANNELS]));
    const r = hashed('rois.r', [BATCH * ROIS, 7, 7, CHANNELS]);
    return () => forwardAndBackward((x) => roiAlign(x as Tensor4D[], rois, options), maps, r);
  }
  const size = [BATCH, HEIGHT / 8, WIDTH / 8];
  const inputs = [
    hashed('deform.x', [...size, CHANNELS]),
    hashed('deform.offset', [...size, 18], -2, 2),
    hashed('deform.filter', [3, 3, CHANNELS, CHANNELS], -0.05, 0.05),
  ];
  const r = hashed('deform.r', [...size, CHANNELS]);
  const convolve = ([x, offset, filter]: Tensor[]): Tensor =>
    deformConv2d(x as Tensor4D, offset as Tensor4D, filter as Tensor4D, { padding: 1 });
  return () => forwardAndBackward(convolve, inputs, r);
}
