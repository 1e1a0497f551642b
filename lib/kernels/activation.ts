/** Activations. */
import { tf, type Tensor } from '../tf';
import { elementwise, kernelLevel } from '../core/native';
import { defineOperation, stopGradient } from '../core/operation';

/** max(x, 0), its gradient 0 at 0. */
export function relu<T extends Tensor>(x: T): T {
  return kernelLevel() === 'stock' ? tf.relu(x) : (rectify({ x }, {})[0] as T);
}

const rectify = defineOperation<object>({
  name: 'Relu',
  forward: ({ x }) => [elementwise('Relu', x)],
  saveInputs: [],
  saveOutputs: [true],
  backward: ([dy], [y]) => ({ x: () => elementwise('ReluGrad', dy, y) }),
});

/** min(max(x, 0), 6), its gradient 0 at both ends. */
export function relu6<T extends Tensor>(x: T): T {
  return kernelLevel() === 'stock' ? stockRelu6(x) : (rectify6({ x }, {})[0] as T);
}

const rectify6 = defineOperation<object>({
  name: 'Relu6',
  forward: ({ x }) => [elementwise('Relu6', x)],
  saveInputs: [],
  saveOutputs: [true],
  backward: ([dy], [y]) => ({ x: () => elementwise('Relu6Grad', dy, y) }),
});

/** tf.relu6 passes the gradient on at 6. */
const stockRelu6 = tf.customGrad((x, save) => {
  const y = tf.relu6(x as Tensor);
  (save as tf.GradSaveFunc)([y]);
  const gradFunc = (dy: Tensor, [own]: Tensor[]): Tensor =>
    tf.mul(dy, tf.cast(tf.logicalAnd(tf.greater(own, 0), tf.less(own, 6)), 'float32'));
  return { value: y, gradFunc };
}) as <T extends Tensor>(x: T) => T;

/**
 * a + b of two tensors of one shape. Its gradient keeps neither, where that of tf.add would keep
 * both for their shapes: who calls may dispose them.
 */
export function add<T extends Tensor>(a: T, b: T): T {
  return kernelLevel() === 'stock' ? (tf.add(a, b) as T) : (sum({ a, b }, {})[0] as T);
}

const sum = defineOperation<object>({
  name: 'AddV2',
  forward: ({ a, b }) => [elementwise('AddV2', a, b)],
  saveInputs: [],
  saveOutputs: [false],
  // Handles of their own: where gradients of one tensor add up, the parts are disposed.
  backward: ([dy]) => ({ a: () => stopGradient(dy), b: () => stopGradient(dy) }),
});
