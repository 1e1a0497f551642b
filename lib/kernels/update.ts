/**
 * One optimizer step on one variable, in place: PyTorch's SGD with momentum, Adam and AdamW.
 *
 * With stock tfjs the same formulas are written out, which makes them the place to read what is
 * computed.
 */
import { tf, type Tensor } from '../tf';
import { attribute, elementwise, execute, kernelLevel } from '../core/native';
import { type Variable } from '../core/variable';

export interface MomentumStep {
  learningRate: number;
  momentum: number;
  /** L2 weight decay. */
  decay: number;
}

/** g = gradient + decay w;  v = momentum v + g;  w = w - learningRate v. Call in a tidy. */
export function momentumStep(
  w: Variable,
  v: Variable,
  gradient: Tensor,
  { learningRate, momentum, decay }: MomentumStep,
): void {
  if (kernelLevel() === 'stock') {
    v.assign(tf.add(tf.mul(v.value, momentum), withDecay(gradient, w.value, decay)));
    w.assign(tf.sub(w.value, tf.mul(v.value, learningRate)));
    return;
  }
  // v + decay / momentum w, in place, becomes momentum v + decay w in the step.
  const ahead = decay > 0 && momentum > 0;
  if (ahead)
    v.change((memory) =>
      execute(
        'ResourceApplyGradientDescent',
        [attribute.float32()],
        [memory, tf.scalar(-decay / momentum), w.value],
        0,
      ),
    );
  const g = ahead ? gradient : withDecay(gradient, w.value, decay);
  v.change((memory) =>
    w.change((weight) => {
      execute(
        'ResourceApplyMomentum',
        [attribute.float32()],
        [weight, memory, tf.scalar(learningRate), g, tf.scalar(momentum)],
        0,
      );
    }),
  );
}

export interface AdamStep {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** L2 weight decay, added to the gradient (Adam). */
  decay: number;
  /** Decoupled weight decay, taken off the weight (AdamW). */
  decoupledDecay: number;
  /** 1 at the first step. */
  step: number;
}

/**
 * w = w (1 - learningRate decoupledDecay);  g = gradient + decay w;  m = beta1 m + (1 - beta1) g;
 * v = beta2 v + (1 - beta2) g^2; w = w - learningRate / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t))
 * + epsilon). Call in a tidy.
 */
export function adamStep(w: Variable, m: Variable, v: Variable, gradient: Tensor, options: AdamStep): void {
  const { learningRate, epsilon, decay, decoupledDecay, step } = options;
  // Rounded as the kernel will round them, so that the corrections of the first steps fit its
  // moments.
  const [beta1, beta2] = [Math.fround(options.beta1), Math.fround(options.beta2)];
  const [correction1, correction2] = [1 - beta1 ** step, 1 - beta2 ** step];
  const g = withDecay(gradient, w.value, decay);
  if (decoupledDecay > 0) w.assign(tf.mul(w.value, 1 - learningRate * decoupledDecay));
  if (kernelLevel() === 'stock') {
    m.assign(tf.add(tf.mul(m.value, beta1), tf.mul(g, 1 - beta1)));
    v.assign(tf.add(tf.mul(v.value, beta2), tf.mul(tf.square(g), 1 - beta2)));
    const denominator = tf.add(tf.sqrt(tf.div(v.value, correction2)), epsilon);
    w.assign(tf.sub(w.value, tf.mul(tf.div(m.value, denominator), learningRate / correction1)));
    return;
  }
  // The kernel subtracts rate m / (sqrt(v) + epsilon'): our formula times sqrt(correction2) above
  // and below the line. Its own correction is turned off by telling it that both powers of beta are
  // 0.
  const root = Math.sqrt(correction2);
  const numbers = [0, 0, (learningRate * root) / correction1, beta1, beta2, epsilon * root].map((value) =>
    tf.scalar(value),
  );
  m.change((first) => v.change((second) => w.change((weight) => {
    execute('ResourceApplyAdam', [attribute.float32()], [weight, first, second, ...numbers, g], 0);
  })));
}

function withDecay(gradient: Tensor, value: Tensor, decay: number): Tensor {
  if (decay === 0) return gradient;
  if (kernelLevel() === 'stock') return tf.add(gradient, tf.mul(value, decay));
  return elementwise('AddV2', gradient, elementwise('Mul', value, tf.scalar(decay)));
}
