/**
 * The tape of reverse-mode differentiation, on which no tensor is kept longer than it is needed.
 *
 * tfjs' own `grads` records every operation, those of a frozen teacher or stem too, and holds all
 * that was recorded, and the gradient of every intermediate map, until the backward pass is over.
 * Here an operation is recorded only if one of its inputs depends on what is differentiated by, and
 * what it saved goes, as in PyTorch, when its gradient is computed. Operations and their order, and
 * with them every bit of the result, are the same.
 */
import { tf, type Tensor } from '../tf';

type Operation = ReturnType<typeof tf.engine>['state']['activeTape'][number];

export interface Tape {
  /** In the order they ran. */
  operations: Operation[];
  /** Ids of the tensors that depend on what is differentiated by. */
  dependent: Set<number>;
}

/** Frees what the operations on a tape have saved. */
export function clear({ operations }: Tape): void {
  for (const { saved } of operations.splice(0)) tf.dispose(saved ?? []);
}

/**
 * Evaluates `f` in a tidy, recording to `tape` what depends on its `dependent` tensors.
 * @throws Error if `f` computes gradients itself
 */
export function record<T extends Tensor>(f: () => T, { operations, dependent }: Tape): T {
  const { state } = tf.engine();
  const check = (): void => {
    if (state.gradientDepth > 1) throw new Error('a loss that computes gradients itself cannot be differentiated');
  };
  const recorder: Operation[] = [];
  recorder.push = (operation: Operation) => {
    check();
    if (Object.values(operation.inputs).some(({ id }) => dependent.has(id))) {
      for (const { id } of operation.outputs) dependent.add(id);
      return operations.push(operation);
    }
    tf.dispose(operation.saved ?? []);
    return operations.length;
  };
  state.gradientDepth++;
  try {
    check();
    state.activeTape = recorder;
    return tf.tidy(f);
  } finally {
    state.gradientDepth--;
  }
}

/**
 * Takes the operations off the tape, last first, and gives what is left at the end: the gradients
 * of `y` by tensors that no operation has made, by id. Runs in the caller's tidy.
 */
export function backpropagate({ operations, dependent }: Tape, y: Tensor): Map<number, Tensor> {
  const gradients = new Map<number, Tensor>([[y.id, tf.onesLike(y)]]);
  for (let operation = operations.pop(); operation; operation = operations.pop()) {
    const { outputs, saved = [] } = operation;
    const dys = outputs.map(({ id }) => gradients.get(id) ?? null);
    if (dys.some((dy) => dy !== null))
      for (const [id, dx] of inputGradients(operation, dys, dependent)) {
        const before = gradients.get(id);
        gradients.set(id, before ? tf.add(before, dx) : dx);
        if (before) tf.dispose([before, dx]);
      }
    for (const { id } of outputs) gradients.delete(id);
    tf.dispose([dys.filter((dy) => dy !== null), saved]);
  }
  return gradients;
}

/** The gradient of each input that needs one, by the input's id: tensors of their own. */
function inputGradients(
  { kernelName, inputs, saved = [], gradient }: Operation,
  dys: (Tensor | null)[],
  dependent: Set<number>,
): [id: number, dx: Tensor][] {
  if (!gradient) throw new Error(`${kernelName} has no gradient`);
  return tf.tidy(() => {
    const taken = new Set<Tensor | null>([...dys, ...saved]);
    const functions = gradient(dys as Tensor[]); // the engine's wrapper puts zeros for null
    return Object.entries(inputs).flatMap(([name, input]): [number, Tensor][] => {
      if (!dependent.has(input.id)) return [];
      const found = tf.tidy(functions[name]);
      if (found.shape.join() !== input.shape.join())
        throw new Error(`${kernelName}: the gradient of ${name} has shape [${found.shape}], not [${input.shape}]`);
      const dx = taken.has(found) ? found.clone() : found;
      taken.add(dx);
      return [[input.id, dx]];
    });
  });
}
