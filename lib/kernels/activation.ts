/** Activations. */
import { tf, type Tensor } from '../tf';
import { elementwise, kernelLevel } from './native';
import { defineOperation } from './operation';

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
