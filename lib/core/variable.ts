/**
 * A tensor that changes in place.
 *
 * With TensorFlow's own kernels it is a resource: optimizer updates then write into its buffer,
 * where tfjs would allocate a new one. With stock tfjs it is a kept tensor that is replaced.
 */
import { randomUUID } from 'node:crypto';
import { tf, type Tensor } from '../tf';
import { attribute, execute, execute1, kernelLevel } from './native';

// Two resources of one name would be one: names stay apart even if this module is loaded twice.
const prefix = randomUUID();
let count = 0;

export class Variable {
  /** The TensorFlow resource, or undefined with stock tfjs. */
  private readonly resource: Tensor | undefined;
  /** What `value` returned and keeps. */
  private handle: Tensor | undefined;

  constructor(readonly shape: number[], data: Float32Array) {
    if (kernelLevel() !== 'stock') {
      const name = attribute.string('shared_name', `freekd/${prefix}/${count++}`);
      this.resource = tf.keep(
        execute1('VarHandleOp', [attribute.float32('dtype'), attribute.shape('shape', shape), name], []),
      );
    }
    const initial = tf.tensor(data, shape, 'float32');
    this.assign(initial);
    initial.dispose();
  }

  /**
   * The tensor as it is now, kept until the next change. Do not dispose it, do not hold it across
   * changes.
   */
  get value(): Tensor {
    if (!this.handle && this.resource)
      this.handle = tf.keep(execute1('ReadVariableOp', [attribute.float32('dtype')], [this.resource]));
    return this.handle as Tensor;
  }

  /** A copy of the values, after which no handle is kept that was not before. */
  read(): Float32Array {
    const unread = this.handle === undefined;
    const data = Float32Array.from(this.value.dataSync());
    if (unread) this.release();
    return data;
  }

  /** Takes over the values of a tensor of the same shape, which stays the caller's. */
  assign(value: Tensor): void {
    if (this.resource) {
      this.change((resource) => execute('AssignVariableOp', [attribute.float32('dtype')], [resource, value], 0));
      return;
    }
    const next = tf.keep(value.clone());
    this.release();
    this.handle = next;
  }

  /**
   * Changes the values in place.
   * @param update passes the resource that it gets to an update kernel
   * @throws with stock tfjs, where `assign` is the way
   */
  change(update: (resource: Tensor) => void): void {
    if (!this.resource) throw new Error('a variable of stock tfjs cannot change in place');
    // TensorFlow would copy the whole buffer first if anyone held a handle to it.
    const wasRead = this.handle !== undefined;
    this.release();
    update(this.resource);
    if (wasRead) void this.value;
  }

  dispose(): void {
    this.release();
    if (!this.resource) return;
    execute('DestroyResourceOp', [], [this.resource], 0);
    this.resource.dispose();
  }

  private release(): void {
    this.handle?.dispose();
    this.handle = undefined;
  }
}
