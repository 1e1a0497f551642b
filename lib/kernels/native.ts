/**
 * Calling TensorFlow's own kernels by name, past tfjs.
 *
 * tfjs knows few of the kernels in libtensorflow, and for training it misses the fast ones: fused batch normalization
 * with its gradient, optimizer updates in place, oneDNN's convolution gradients. Every registered kernel can be executed
 * through the node backend. This file alone knows how; the files beside it alone know the kernels' names.
 */
import { tf, type Tensor } from '../tf';

/** What we use of the node backend, which tfjs-node does not declare publicly. */
interface Backend {
  binding: Record<'TF_ATTR_STRING' | 'TF_ATTR_INT' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_TYPE' | 'TF_ATTR_SHAPE' | 'TF_FLOAT' | 'TF_INT32', number>;
  isUsingGpuDevice: boolean;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[];
}

/** One attribute of a TensorFlow kernel, as the binding takes it. */
export interface Attribute {
  name: string;
  type: number;
  value: string | number | boolean | number[];
}

function backend(): Backend {
  return tf.backend() as unknown as Backend;
}

/** Whether TensorFlow computes on a GPU. */
export function onGpu(): boolean {
  return backend().isUsingGpuDevice;
}

/** Builders of attributes: `attribute.int('strides', [1, 2, 2, 1])`. */
export const attribute = {
  int: (name: string, value: number | number[]): Attribute => ({ name, type: backend().binding.TF_ATTR_INT, value }),
  float: (name: string, value: number): Attribute => ({ name, type: backend().binding.TF_ATTR_FLOAT, value }),
  bool: (name: string, value: boolean): Attribute => ({ name, type: backend().binding.TF_ATTR_BOOL, value }),
  string: (name: string, value: string): Attribute => ({ name, type: backend().binding.TF_ATTR_STRING, value }),
  shape: (name: string, value: number[]): Attribute => ({ name, type: backend().binding.TF_ATTR_SHAPE, value }),
  float32: (name = 'T'): Attribute => ({ name, type: backend().binding.TF_ATTR_TYPE, value: backend().binding.TF_FLOAT }),
  int32: (name: string): Attribute => ({ name, type: backend().binding.TF_ATTR_TYPE, value: backend().binding.TF_INT32 }),
  /** What the `_MklNative*` kernels want in order to run eagerly. */
  onednn: (): Attribute => attribute.string('_kernel', 'MklNameChangeOp'),
};

/** Executes a kernel; its outputs belong to the surrounding tidy. Nothing is recorded for gradients. */
export function execute(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[] {
  return backend().executeMultipleOutputs(name, attributes, inputs, outputs);
}

/** Executes a kernel with one output. */
export function execute1(name: string, attributes: Attribute[], inputs: Tensor[]): Tensor {
  return execute(name, attributes, inputs, 1)[0];
}

/** Executes a float32 kernel whose only attribute is its type, such as `Mul` or `Relu`. */
export function elementwise(name: string, ...inputs: Tensor[]): Tensor {
  return execute(name, [attribute.float32()], inputs, 1)[0];
}

/**
 * Which kernels are in use: `stock` only tfjs; `plain` TensorFlow's own, present in every build and on every device;
 * `onednn` also those of oneDNN, on processors of builds that have them.
 */
export type KernelLevel = 'stock' | 'plain' | 'onednn';
const levels: readonly KernelLevel[] = ['stock', 'plain', 'onednn'];

let found: KernelLevel | undefined;

/** The best level that works here, found out once. The environment variable FREEKD_KERNELS sets a lower one. */
export function kernelLevel(): KernelLevel {
  return (found ??= findLevel());
}

/** Replaces the level, for tests that compare levels; undefined goes back to the best. */
export function setKernelLevel(level: KernelLevel | undefined): void {
  found = level;
}

function findLevel(): KernelLevel {
  const wanted = process.env.FREEKD_KERNELS ?? 'onednn';
  const limit = levels.findIndex((level) => level === wanted);
  if (limit < 0) throw new Error(`FREEKD_KERNELS is "${wanted}"; it can be ${levels.join(', ')}`);
  if (limit === 0 || tf.getBackend() !== 'tensorflow') return 'stock';
  return limit === 2 && !onGpu() && hasOneDnn() ? 'onednn' : 'plain';
}

/** Tries oneDNN's convolution on one pixel. */
function hasOneDnn(): boolean {
  return tf.tidy(() => {
    const one = tf.ones([1, 1, 1, 1]);
    const attributes = [attribute.float32(), attribute.int('strides', [1, 1, 1, 1]), attribute.string('padding', 'VALID'), attribute.onednn()];
    try {
      return execute1('_MklNativeConv2D', attributes, [one, one]).dataSync()[0] === 1;
    } catch {
      return false;
    }
  });
}
