/** The value of a loss and its gradient with respect to parameters. */
import { tf, type Scalar, type Tensor } from '../tf';
import { type Parameter } from './parameters';

/**
 * Evaluates `f` and differentiates it. Everything `f` creates is disposed; the caller disposes the
 * results.
 * @param f a scalar loss that reads its parameters as `parameter.value`
 * @param parameters what to differentiate by
 * @param onGradient called in the middle of backpropagation with a parameter's index and its whole
 *   gradient (to be copied, not kept); not called for a parameter that `f` does not use
 * @returns the loss and one gradient a parameter, of its shape; zeros for a parameter that `f` does
 *   not use
 */
export function valueAndGradients(
  f: () => Scalar,
  parameters: Parameter[],
  onGradient?: (index: number, gradient: Tensor) => void,
): { value: Scalar; gradients: Tensor[] } {
  return tf.tidy(() => {
    const values = parameters.map((parameter) => parameter.value);
    const unfollow = onGradient
      ? parameters.map((parameter, i) => parameter.follow((gradient) => onGradient(i, gradient)))
      : [];
    try {
      const { value, grads } = tf.engine().gradients(f, values, undefined, true);
      // TypeScript's declaration hides that the engine leaves a hole where `f` does not depend on a
      // value.
      const connected: (Tensor | null | undefined)[] = grads;
      return { value, gradients: connected.map((gradient, i) => gradient ?? tf.zeros(parameters[i].shape)) };
    } finally {
      unfollow.forEach((stop) => stop());
    }
  });
}
