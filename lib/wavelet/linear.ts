/**
 * A linear map of tensors together with its exact adjoint, and its differentiable form: the
 * gradient of a linear map is its adjoint, whose own gradient is the map again. One custom gradient
 * covers a whole transform, however many levels.
 */
import { tf, type Tensor, type Tensor4D } from '../tf';

/** [height, width]. */
export type Size = readonly [height: number, width: number];

export interface LinearMap {
  forward(inputs: Tensor4D[]): Tensor4D[];
  /**
   * From tensors shaped as the outputs of `forward` to tensors shaped as its inputs: <forward(x),
   * y> = <x, adjoint(y)>.
   */
  adjoint(outputs: Tensor4D[]): Tensor4D[];
}

/** The adjoint as a map of its own. */
export function transposed(map: LinearMap): LinearMap {
  return { forward: map.adjoint, adjoint: map.forward };
}

/**
 * What `tf.customGrad` calls; called directly because it, unlike `tf.customGrad`, may return
 * several tensors.
 */
interface Engine {
  runKernelFunc(call: {
    forwardFunc: () => Tensor[];
    backwardsFunc: (dy: Tensor | Tensor[]) => Record<string, () => Tensor>;
    inputs: Record<string, Tensor>;
  }): Tensor[];
}

/** Applies `map`, differentiable to any order; intermediate tensors are disposed. */
export function applyLinear(map: LinearMap, inputs: Tensor4D[]): Tensor4D[] {
  const engine = tf.engine() as unknown as Engine;
  const outputs = engine.runKernelFunc({
    forwardFunc: () => map.forward(inputs),
    backwardsFunc: (dy) => {
      const gradients = applyLinear(transposed(map), (Array.isArray(dy) ? dy : [dy]) as Tensor4D[]);
      return Object.fromEntries(gradients.map((gradient, i) => [i, () => gradient]));
    },
    inputs: Object.fromEntries(inputs.map((input, i) => [i, input])),
  });
  return outputs as Tensor4D[];
}
