/**
 * Differentiable operations of our own.
 *
 * `tf.customGrad` computes the gradient of every input, needed or not. A kernel registered with
 * tfjs gives one function an input, and backpropagation calls only those it needs: a frozen filter
 * or an image costs no gradient.
 */
import { tf, type Tensor } from '../tf';

export interface OperationDefinition<Attributes> {
  /** Unique. */
  name: string;
  /** The outputs, from inputs by name. Runs in a tidy that disposes all else. */
  forward(inputs: Record<string, Tensor>, attributes: Attributes): Tensor[];
  /** Names of the inputs that `backward` finds in `saved`. */
  saveInputs: string[];
  /** Which outputs follow them in `saved`. */
  saveOutputs: boolean[];
  /**
   * For each input by name, a function that computes its gradient; each is called at most once, in
   * a tidy of its own.
   */
  backward(dys: Tensor[], saved: Tensor[], attributes: Attributes): Record<string, () => Tensor>;
}

/** Runs an operation on inputs by name. */
export type Operation<Attributes> = (inputs: Record<string, Tensor>, attributes: Attributes) => Tensor[];

/** Registers an operation and returns the function that runs it. */
export function defineOperation<Attributes extends object>(
  definition: OperationDefinition<Attributes>,
): Operation<Attributes> {
  const { name, forward, backward, saveInputs, saveOutputs } = definition;
  const kernelName = `FreeKD/${name}`;
  tf.registerKernel({
    kernelName,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => forward(inputs as Record<string, Tensor>, attrs as unknown as Attributes)),
  });
  tf.registerGradient({
    kernelName,
    inputsToSave: saveInputs,
    outputsToSave: saveOutputs,
    gradFunc: (dy, saved, attrs) => backward(Array.isArray(dy) ? dy : [dy], saved, attrs as unknown as Attributes),
  });
  return (inputs, attributes) =>
    tf.engine().runKernel(kernelName, inputs, attributes as unknown as tf.NamedAttrMap) as unknown as Tensor[];
}

/** The same tensor, constant to every gradient. */
export function stopGradient<T extends Tensor>(x: T): T {
  // A second handle on the same data that the tape has not seen.
  tf.backend().incRef(x.dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype }) as T;
}
