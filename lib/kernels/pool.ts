/** Max pooling with PyTorch's symmetric padding. */
import { tf, type Tensor4D } from '../tf';
import { attribute, execute, execute1, kernelLevel, onGpu, type Attribute } from '../core/native';
import { defineOperation, stopGradient } from '../core/operation';

export interface MaxPoolOptions {
  /** The window's height and width. */
  size: number;
  stride: number;
  /** On each of the four sides, counting as minus infinity. Default 0. */
  padding?: number;
}

/**
 * The maximum over size x size windows.
 * @param x [N, H, W, C]
 * @returns [N, floor((H + 2 padding - size) / stride) + 1, floor((W + 2 padding - size) / stride) +
 *   1, C]
 */
export function maxPool(x: Tensor4D, { size, stride, padding = 0 }: MaxPoolOptions): Tensor4D {
  if (padding > size / 2) throw new Error(`maxPool: padding ${padding} is more than half the window of ${size}`);
  const p = padding;
  // The lowest float stands for minus infinity: every window holds at least one true pixel, which
  // is never less.
  const padded = p > 0 ? tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]], lowest) : x;
  const oneDnn = kernelLevel() === 'onednn' && size > 1;
  const y = oneDnn ? pooling({ x: padded }, { size, stride })[0] : tf.maxPool(padded, size, stride, 'valid');
  const marks = nanMarks(padded, size, stride);
  return (marks ? tf.add(y, marks) : y) as Tensor4D;
}

/**
 * NaN where a window holds one, else 0: TensorFlow's kernels for processors leave NaN out of a
 * maximum, PyTorch passes it on, and a divergence that pooling hides reaches no loss. Nothing where
 * `x` holds none, and on a GPU, whose kernel was told to pass it on (core/gpu.ts): looking for one
 * would wait for the GPU.
 */
function nanMarks(x: Tensor4D, size: number, stride: number): Tensor4D | undefined {
  if (onGpu()) return undefined;
  return tf.tidy(() => {
    const isNan = tf.isNaN(stopGradient(x));
    if (tf.any(isNan).dataSync()[0] === 0) return undefined;
    return tf.where(tf.maxPool(tf.cast(isNan, 'float32'), size, stride, 'valid').greater(0), NaN, 0) as Tensor4D;
  });
}

const lowest = -3.4028234663852886e38;

// oneDNN's kernel hands its gradient a workspace (where each maximum was), which spares looking for
// them again.
const pooling = defineOperation<{ size: number; stride: number }>({
  name: 'MaxPool',
  forward: ({ x }, window) => execute('_MklNativeMaxPool', attributes(window), [x], 2),
  saveInputs: ['x'],
  saveOutputs: [true, true],
  backward: ([dy], [x, y, workspace], window) => ({
    x: () => execute1('_MklNativeMaxPoolGrad', attributes(window), [x, y, dy, workspace]),
  }),
});

function attributes({ size, stride }: { size: number; stride: number }): Attribute[] {
  return [
    attribute.float32(), attribute.int('ksize', [1, size, size, 1]), attribute.int('strides', [1, stride, stride, 1]),
    attribute.string('padding', 'VALID'), attribute.bool('workspace_enabled', true), attribute.onednn(),
  ];
}
