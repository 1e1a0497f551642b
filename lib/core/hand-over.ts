/** An identity that hands its gradient to a function in the middle of backpropagation. */
import type { Tensor } from '../tf';
import { defineOperation, stopGradient } from './operation';

const identity = defineOperation<{ ready: (gradient: Tensor) => void }>({
  name: 'HandOver',
  forward: ({ x }) => [stopGradient(x)],
  saveInputs: [],
  saveOutputs: [false],
  backward: ([gradient], _, { ready }) => ({
    x: () => {
      ready(gradient);
      return gradient.clone();
    },
  }),
});

/**
 * x itself. Backpropagation goes back through the operations in the order opposite to that in which
 * they ran, so `ready` gets the whole gradient as soon as it has passed all uses of the result.
 * @param ready must not keep the gradient
 */
export function handOver(x: Tensor, ready: (gradient: Tensor) => void): Tensor {
  return identity({ x }, { ready })[0];
}
