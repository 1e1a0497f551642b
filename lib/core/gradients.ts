/** The value of a loss and its gradient with respect to parameters. */
import { tf, type Scalar, type Tensor } from '../tf';
import { type Parameter } from './parameters';
import { backpropagate, clear, record, type Tape } from './tape';

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
    const tape: Tape = { operations: [], dependent: new Set(values.map(({ id }) => id)) };
    try {
      const value = record(f, tape);
      const byId = backpropagate(tape, value);
      return { value, gradients: values.map(({ id }, i) => byId.get(id) ?? tf.zeros(parameters[i].shape)) };
    } finally {
      clear(tape);
      unfollow.forEach((stop) => stop());
    }
  });
}
