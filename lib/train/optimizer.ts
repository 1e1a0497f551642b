/**
 * SGD with momentum, Adam and AdamW, step for step equal to `torch.optim`.
 *
 * Weight decay touches only parameters whose role is `weight`. SGD and Adam add it to the gradient (L2), AdamW takes it
 * off the parameter itself (Loshchilov and Hutter, arXiv 1711.05101).
 */
import { tf, type Tensor } from '../tf';
import { type Parameter, type ParameterEntry } from '../kernels/parameters';

export type OptimizerConfig =
  | { kind: 'sgd'; momentum?: number; weightDecay?: number; nesterov?: false }
  | { kind: 'adam' | 'adamw'; beta1?: number; beta2?: number; epsilon?: number; weightDecay?: number };

export interface Optimizer {
  /** One step: one gradient a parameter, in the order given to `createOptimizer`; they stay the caller's. */
  apply(gradients: Tensor[], learningRate: number): void;
  /** All that a resumed run needs: the step count and the moments, by name. */
  state(): Map<string, ParameterEntry>;
  load(state: Map<string, ParameterEntry>): void;
  dispose(): void;
}

export function createOptimizer(config: OptimizerConfig, parameters: Parameter[]): Optimizer {
  const names = config.kind === 'sgd' ? ['momentum'] : ['first', 'second'];
  const slots = parameters.map((parameter) => names.map(() => tf.keep(tf.zeros(parameter.shape))));
  let step = 0;
  const set = (i: number, j: number, value: Tensor): void => {
    slots[i][j].dispose();
    slots[i][j] = tf.keep(value.clone());
  };
  return {
    apply(gradients, learningRate) {
      step++;
      parameters.forEach((parameter, i) => tf.tidy(() => {
        const decay = parameter.role === 'weight' ? config.weightDecay ?? (config.kind === 'adamw' ? 0.01 : 0) : 0;
        const value = parameter.value;
        const gradient = decay > 0 && config.kind !== 'adamw' ? tf.add(gradients[i], tf.mul(value, decay)) : gradients[i];
        if (config.kind === 'sgd') {
          const momentum = tf.add(tf.mul(slots[i][0], config.momentum ?? 0), gradient);
          set(i, 0, momentum);
          parameter.assign(tf.sub(value, tf.mul(momentum, learningRate)));
          return;
        }
        const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = config;
        const first = tf.add(tf.mul(slots[i][0], beta1), tf.mul(gradient, 1 - beta1));
        const second = tf.add(tf.mul(slots[i][1], beta2), tf.mul(tf.square(gradient), 1 - beta2));
        set(i, 0, first);
        set(i, 1, second);
        const denominator = tf.add(tf.div(tf.sqrt(second), Math.sqrt(1 - beta2 ** step)), epsilon);
        const decayed = config.kind === 'adamw' ? tf.mul(value, 1 - learningRate * decay) : value;
        parameter.assign(tf.sub(decayed, tf.mul(tf.div(first, denominator), learningRate / (1 - beta1 ** step))));
      }));
    },
    state() {
      const entries = parameters.flatMap((parameter, i) => names.map((name, j): [string, ParameterEntry] => [
        `${parameter.name}.${name}`, { shape: [...parameter.shape], data: Float32Array.from(slots[i][j].dataSync()) },
      ]));
      return new Map([['step', { shape: [1], data: Float32Array.of(step) }], ...entries]);
    },
    load(state) {
      const read = (name: string): ParameterEntry => {
        const entry = state.get(name);
        if (!entry) throw new Error(`the optimizer's state lacks ${name}`);
        return entry;
      };
      step = read('step').data[0];
      parameters.forEach((parameter, i) => names.forEach((name, j) => {
        const entry = read(`${parameter.name}.${name}`);
        const value = tf.tensor(entry.data, parameter.shape);
        set(i, j, value);
        value.dispose();
      }));
    },
    dispose() {
      slots.flat().forEach((slot) => slot.dispose());
    },
  };
}
