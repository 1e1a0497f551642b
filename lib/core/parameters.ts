/**
 * Named, trainable tensors: what a model is made of, what an optimizer updates and what a
 * checkpoint holds.
 *
 * Names are dotted paths as PyTorch and mmdetection write them (`backbone.layer1.0.conv1.weight`),
 * so that a published checkpoint loads by name.
 */
import { tf, type Tensor } from '../tf';
import { handOver } from './hand-over';
import { Variable } from './variable';

/**
 * What a parameter is, which decides how it is trained: only a `weight` gets weight decay, and a
 * `statistic` (a running mean or variance) is saved with the model but never trained. A `gate` is
 * the relational gate's (see freekd/relation.ts).
 */
export type Role = 'weight' | 'gate' | 'bias' | 'norm' | 'statistic';

/** The values of one parameter, outside TensorFlow. */
export interface ParameterEntry {
  shape: number[];
  data: Float32Array;
}

/** One named tensor that lives across steps. */
export class Parameter {
  /** False for a statistic, and after `Parameters.freeze`. */
  trainable: boolean;
  /** What optimizers update in place. */
  readonly variable: Variable;
  /** Set by `follow`: who gets the gradient, and what `value` gives meanwhile. */
  private followed: { ready: (gradient: Tensor) => void; value?: Tensor } | undefined;

  constructor(readonly name: string, readonly shape: number[], readonly role: Role, data: Float32Array) {
    this.trainable = role !== 'statistic';
    this.variable = new Variable(shape, data);
    void this.variable.value; // read it now, so that the first use leaves no new tensor behind
  }

  /**
   * The tensor, kept by this parameter until the next `assign` or update; do not dispose it, do not
   * hold it across steps.
   */
  get value(): Tensor {
    const { state } = tf.engine();
    // Where nothing is recorded, within another operation, no gradient could come back.
    if (!this.followed || state.gradientDepth === 0 || state.kernelDepth > 0) return this.variable.value;
    return (this.followed.value ??= tf.keep(handOver(this.variable.value, this.followed.ready)));
  }

  /**
   * From now on, `value` is read through an identity that gives the gradient to `ready` as soon as
   * backpropagation has it whole; until the function that is returned gets called.
   */
  follow(ready: (gradient: Tensor) => void): () => void {
    this.followed = { ready };
    return () => {
      this.followed?.value?.dispose();
      this.followed = undefined;
    };
  }

  /**
   * Takes over the values of `value`, which stays the caller's to dispose. Throws if the shape
   * differs.
   */
  assign(value: Tensor): void {
    if (value.shape.join() !== this.shape.join()) {
      throw new Error(
        `parameter ${this.name} has shape [${this.shape}], cannot assign a tensor of shape [${value.shape}]`,
      );
    }
    this.variable.assign(value);
  }

  dispose(): void {
    this.variable.dispose();
  }
}

/** An ordered collection of parameters with unique names. */
export class Parameters {
  private readonly byName = new Map<string, Parameter>();

  /**
   * Adds a parameter.
   * @param init its values in row-major order, or one number for all of them
   */
  create(name: string, shape: number[], init: Float32Array | number, role: Role = 'weight'): Parameter {
    if (this.byName.has(name)) throw new Error(`parameter ${name} exists already`);
    const size = shape.reduce((product, n) => product * n, 1);
    const data = typeof init === 'number' ? new Float32Array(size).fill(init) : init;
    if (data.length !== size)
      throw new Error(`parameter ${name}: ${data.length} values do not fill the shape [${shape}]`);
    const parameter = new Parameter(name, [...shape], role, data);
    this.byName.set(name, parameter);
    return parameter;
  }

  /** The parameter called `name`; throws naming it if there is none. */
  get(name: string): Parameter {
    const parameter = this.byName.get(name);
    if (!parameter) {
      const some = [...this.byName.keys()].slice(0, 3).join(', ');
      throw new Error(`no parameter is called ${name}; there are ${this.byName.size}, such as ${some}`);
    }
    return parameter;
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** All parameters, in the order they were created. */
  all(): Parameter[] {
    return [...this.byName.values()];
  }

  /** Those that an optimizer should update. */
  trainable(): Parameter[] {
    return this.all().filter((parameter) => parameter.trainable);
  }

  /** Stops training every parameter whose name starts with `prefix`; throws if none does. */
  freeze(prefix: string): void {
    const frozen = this.all().filter((parameter) => parameter.name.startsWith(prefix));
    if (frozen.length === 0) throw new Error(`no parameter's name starts with "${prefix}", nothing to freeze`);
    for (const parameter of frozen) parameter.trainable = false;
  }

  /** The number of values in all parameters, statistics included. */
  numel(): number {
    return this.all().reduce((sum, parameter) => sum + parameter.value.size, 0);
  }

  /** A copy of every parameter's values. */
  read(): Map<string, ParameterEntry> {
    return new Map(this.all().map((parameter) => [
      parameter.name,
      { shape: [...parameter.shape], data: parameter.variable.read() },
    ]));
  }

  /**
   * Takes over values by name.
   * @param options.strict when true (the default) every parameter must be in `entries` and every
   *   entry in use; misshapen entries are an error in either case
   * @param options.prefix a prefix of the names in `entries` that is not in ours; entries without
   *   it are passed over
   */
  load(entries: Map<string, ParameterEntry>, options: { strict?: boolean; prefix?: string } = {}): void {
    const { strict = true, prefix = '' } = options;
    const given = new Map(
      [...entries]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, entry]) => [name.slice(prefix.length), entry]),
    );
    const list = (title: string, names: string[]): string[] =>
      names.length === 0
        ? []
        : [`${title}: ${names.slice(0, 10).join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`];
    const misshapen = [...given]
      .filter(([name, entry]) => this.has(name) && this.get(name).shape.join() !== entry.shape.join())
      .map(([name, entry]) => `${name} (is [${this.get(name).shape}], given [${entry.shape}])`);
    const problems = list('wrong shape', misshapen);
    if (strict) {
      problems.push(...list('missing', [...this.byName.keys()].filter((name) => !given.has(name))));
      problems.push(...list('unexpected', [...given.keys()].filter((name) => !this.has(name))));
    }
    if (problems.length > 0) throw new Error(`these weights do not fit the model; ${problems.join('; ')}`);
    for (const [name, entry] of given) {
      if (!this.has(name)) continue;
      const value = tf.tensor(entry.data, entry.shape, 'float32');
      this.get(name).assign(value);
      value.dispose();
    }
  }

  dispose(): void {
    for (const parameter of this.byName.values()) parameter.dispose();
    this.byName.clear();
  }
}
