/**
 * Calling TensorFlow's own kernels by name, past tfjs.
 *
 * tfjs knows few of the kernels in libtensorflow, and for training it misses the fast ones: fused
 * batch normalization with its gradient, optimizer updates in place, oneDNN's convolution
 * gradients. Every registered kernel can be executed through the node backend. This file alone
 * knows how; the files beside it alone know the kernels' names.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { tf, type Tensor } from '../tf';

/** What we use of the node backend, which tfjs-node does not declare publicly. */
interface Backend {
  binding: Record<
    | 'TF_ATTR_STRING'
    | 'TF_ATTR_INT'
    | 'TF_ATTR_FLOAT'
    | 'TF_ATTR_BOOL'
    | 'TF_ATTR_TYPE'
    | 'TF_ATTR_SHAPE'
    | 'TF_FLOAT'
    | 'TF_INT32',
    number
  >;
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
  float32: (name = 'T'): Attribute => ({
    name,
    type: backend().binding.TF_ATTR_TYPE,
    value: backend().binding.TF_FLOAT,
  }),
  int32: (name: string): Attribute => ({
    name,
    type: backend().binding.TF_ATTR_TYPE,
    value: backend().binding.TF_INT32,
  }),
  /** What the `_MklNative*` kernels want in order to run eagerly. */
  onednn: (): Attribute => attribute.string('_kernel', 'MklNameChangeOp'),
};

/** More than any kernel of ours or TensorFlow's is asked for. */
const MOST_OUTPUTS = 1000;

/** Executes a kernel; its outputs belong to the surrounding tidy. Nothing is recorded for gradients. */
export function execute(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[] {
  // The binding makes room for them unseen, and ends the process where it cannot.
  if (!Number.isInteger(outputs) || outputs < 0 || outputs > MOST_OUTPUTS)
    throw new Error(`${name}: ${outputs} outputs were asked for, expected a whole number from 0 to ${MOST_OUTPUTS}`);
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
 * Which kernels are in use: `stock` only tfjs; `plain` TensorFlow's own, present in every build and
 * on every device; `onednn` also those of oneDNN, on processors of builds that have them; `own`
 * also those of lib/native, on processors, where set-up could compile them.
 */
export type KernelLevel = 'stock' | 'plain' | 'onednn' | 'own';
const levels: readonly KernelLevel[] = ['stock', 'plain', 'onednn', 'own'];

/** Which of TensorFlow's kernels are in use, and whether ours are. */
interface Found {
  level: Exclude<KernelLevel, 'own'>;
  own: boolean;
}

let found: Found | undefined;

/**
 * The best of TensorFlow's kernels that work here, found out once. The environment variable
 * FREEKD_KERNELS sets a lower level.
 */
export function kernelLevel(): Found['level'] {
  return (found ??= find(process.env.FREEKD_KERNELS)).level;
}

/** Whether the kernels of lib/native are in use as well. */
export function ownKernels(): boolean {
  return (found ??= find(process.env.FREEKD_KERNELS)).own;
}

/**
 * Replaces the level by what of it works here, for tests that compare levels; undefined goes back
 * to the best.
 */
export function setKernelLevel(level: KernelLevel | undefined): void {
  found = level && find(level);
}

function find(wanted: string = 'own'): Found {
  const limit = levels.findIndex((level) => level === wanted);
  if (limit < 0) throw new Error(`FREEKD_KERNELS is "${wanted}"; it can be ${levels.join(', ')}`);
  if (limit === 0 || tf.getBackend() !== 'tensorflow') return { level: 'stock', own: false };
  return {
    level: limit >= 2 && !onGpu() && hasOneDnn() ? 'onednn' : 'plain',
    own: limit === 3 && !onGpu() && hasOwn(),
  };
}

/** Tries oneDNN's convolution on one pixel. */
function hasOneDnn(): boolean {
  const attributes = [
    attribute.float32(),
    attribute.int('strides', [1, 1, 1, 1]),
    attribute.string('padding', 'VALID'),
    attribute.onednn(),
  ];
  return givesOne('_MklNativeConv2D', attributes, () => [tf.ones([1, 1, 1, 1]), tf.ones([1, 1, 1, 1])], 1);
}

/**
 * Loads the library that set-up compiled from lib/native, or the one that FREEKD_KERNEL_LIBRARY
 * names, and tries the distance of one pixel.
 */
function hasOwn(): boolean {
  const compiled = path.resolve(__dirname, '../../..', '.runtime/native/freekd_kernels.node');
  const library = process.env.FREEKD_KERNEL_LIBRARY ?? compiled;
  if (!fs.existsSync(library)) return false;
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    require(library);
  } catch {
    return false;
  }
  const empty = (dtype: 'float32' | 'int32'): Tensor => tf.tensor1d([], dtype);
  const inputs = (): Tensor[] => [
    tf.ones([1, 1, 1, 1]),
    tf.zeros([1, 1, 1, 1]),
    empty('float32'),
    tf.ones([1]),
    empty('int32'),
    empty('float32'),
  ];
  return givesOne('FreekdBandDistance', [], inputs, 2);
}

/** Whether a kernel runs, and its first output is 1. */
function givesOne(name: string, attributes: Attribute[], inputs: () => Tensor[], outputs: number): boolean {
  return tf.tidy(() => {
    try {
      return execute(name, attributes, inputs(), outputs)[0].dataSync()[0] === 1;
    } catch {
      return false;
    }
  });
}
