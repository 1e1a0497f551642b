/**
 * SGD with momentum, Adam and AdamW, step for step equal to `torch.optim`.
 *
 * Weight decay touches only parameters whose role is `weight`, unless `decayed` is 'all', as
 * mmdet's recipes want it. SGD and Adam add it to the gradient (L2), AdamW takes it off the
 * parameter itself (Loshchilov and Hutter, arXiv 1711.05101).
 */
import { tf, type Tensor } from '../tf';
import { type Parameter, type ParameterEntry } from '../core/parameters';
import { adamStep, momentumStep } from '../kernels/update';
import { Variable } from '../core/variable';

export type OptimizerConfig =
  /** momentum and weightDecay default to 0, biasRate to 1. */
  | {
      kind: 'sgd';
      momentum?: number;
      weightDecay?: number;
      /** Default 'weights'; 'all-but-biases' decays scales and shifts of norms too. */
      decayed?: 'weights' | 'all-but-biases' | 'all';
      /** The rate of biases, those of norms apart, as a multiple of the others' (mmdet's `bias_lr_mult`). */
      biasRate?: number;
      nesterov?: false;
    }
  /** Defaults: beta1 0.9, beta2 0.999, epsilon 1e-8, weightDecay 0 for adam and 0.01 for adamw. */
  | { kind: 'adam' | 'adamw'; beta1?: number; beta2?: number; epsilon?: number; weightDecay?: number };

export interface Optimizer {
  /**
   * One step: one gradient a parameter, in the order given to `createOptimizer`; they stay the
   * caller's.
   */
  apply(gradients: Tensor[], learningRate: number): void;
  /**
   * All that a resumed run needs beside the parameters: `step`, and each parameter's moments as
   * `<name>.<moment>`, by the names given to `createOptimizer`.
   */
  state(): Map<string, ParameterEntry>;
  /** Continues from a state; throws naming what is missing or misshapen. */
  load(state: Map<string, ParameterEntry>): void;
  dispose(): void;
}

/** What an optimizer remembers of each parameter. */
const moments = { sgd: ['momentum'], adam: ['first', 'second'], adamw: ['first', 'second'] };

/**
 * @param names of `parameters`, each once: parameters of several stores may have one name
 * @throws where two are the same: one's moments would be kept for both
 */
export function createOptimizer(
  config: OptimizerConfig,
  parameters: Parameter[],
  names = parameters.map(({ name }) => name),
): Optimizer {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new Error(`an optimizer was given two parameters named ${twice}`);
  const kinds = moments[config.kind];
  const memory = parameters.map(({ shape }) =>
    kinds.map(() => new Variable(shape, new Float32Array(tf.util.sizeFromShape(shape)))),
  );
  const update = updateRule(config);
  let step = 0;
  return {
    apply(gradients, learningRate) {
      if (gradients.length !== parameters.length) {
        throw new Error(`${gradients.length} gradients were given to an optimizer of ${parameters.length} parameters`);
      }
      step++;
      parameters.forEach((parameter, i) =>
        tf.tidy(() => update(parameter, memory[i], gradients[i], learningRate, step)),
      );
    },
    state() {
      const entries = parameters.flatMap(({ shape }, i) => kinds.map((kind, j): [string, ParameterEntry] => (
        [`${names[i]}.${kind}`, { shape: [...shape], data: memory[i][j].read() }]
      )));
      return new Map([['step', { shape: [1], data: Float32Array.of(step) }], ...entries]);
    },
    load(state) {
      const entry = (name: string, shape: number[]): ParameterEntry => {
        const found = state.get(name);
        if (!found)
          throw new Error(
            `the ${config.kind} optimizer's state lacks ${name}: it was saved ` +
              'by another optimizer or for another model',
          );
        if (found.shape.join() !== shape.join())
          throw new Error(`the optimizer's state has ${name} of shape [${found.shape}], the model [${shape}]`);
        return found;
      };
      const loaded = parameters.map(({ shape }, i) => kinds.map((kind) => entry(`${names[i]}.${kind}`, shape)));
      step = entry('step', [1]).data[0];
      tf.tidy(() => memory.forEach((variables, i) => variables.forEach((variable, j) => {
        variable.assign(tf.tensor(loaded[i][j].data, variable.shape));
      })));
    },
    dispose() {
      memory.flat().forEach((variable) => variable.dispose());
    },
  };
}

type Update = (parameter: Parameter, memory: Variable[], gradient: Tensor, learningRate: number, step: number) => void;

function updateRule(config: OptimizerConfig): Update {
  const decayed = (config.kind === 'sgd' && config.decayed) || 'weights';
  const decayOf = ({ role }: Parameter, standard: number): number =>
    role === 'weight' || decayed === 'all' || (decayed === 'all-but-biases' && role !== 'bias')
      ? (config.weightDecay ?? standard)
      : 0;
  if (config.kind === 'sgd') {
    const { momentum = 0, biasRate = 1 } = config;
    return (parameter, [v], gradient, rate) => {
      const learningRate = parameter.role === 'bias' ? biasRate * rate : rate;
      momentumStep(parameter.variable, v, gradient, { learningRate, momentum, decay: decayOf(parameter, 0) });
    };
  }
  const { kind, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = config;
  return (parameter, [m, v], gradient, learningRate, step) => {
    const decay = decayOf(parameter, kind === 'adamw' ? 0.01 : 0);
    const decays = kind === 'adamw' ? { decay: 0, decoupledDecay: decay } : { decay, decoupledDecay: 0 };
    adamStep(parameter.variable, m, v, gradient, { learningRate, beta1, beta2, epsilon, step, ...decays });
  };
}
