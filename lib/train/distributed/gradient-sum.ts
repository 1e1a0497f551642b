/**
 * Gradients summed over all ranks, while the backward pass goes on.
 *
 * Parameters are laid into buckets in the reverse of their order, about the order in which
 * backpropagation finishes with them (Li et al., PyTorch Distributed, arXiv 2006.15704, section
 * 3.2). A gradient is copied into its bucket when it is complete; a full bucket is sent off after
 * all buckets before it, so that every rank sends the same buckets in the same order. What travels
 * meanwhile moves on at each gradient's arrival.
 */
import { tf, type Tensor } from '../../tf';
import type { Parameter } from '../../core/parameters';
import type { Communicator, PendingSum } from './communicator';

interface Bucket {
  values: Float32Array;
  /** Indices of its parameters, and where their values start. */
  parameters: { index: number; start: number }[];
  /** Gradients that have not arrived in this step. */
  missing: number;
  pending?: PendingSum;
}

const sizeOf = ({ shape }: Parameter): number => tf.util.sizeFromShape(shape);

export class GradientSum {
  private readonly buckets: Bucket[] = [];
  /** By parameter: its place. */
  private readonly places: { bucket: Bucket; start: number }[] = [];
  private arrived = new Set<number>();
  /** Number of buckets that were sent off in this step. */
  private sent = 0;

  /** @param bucketSize values after which a bucket is full; 2^20 are 4 MB */
  constructor(
    private readonly communicator: Communicator,
    private readonly parameters: Parameter[],
    bucketSize = 2 ** 20,
  ) {
    for (let next = parameters.length - 1; next >= 0; ) {
      const members: Bucket['parameters'] = [];
      let size = 0;
      for (; next >= 0 && size < bucketSize; next--) {
        members.push({ index: next, start: size });
        size += sizeOf(parameters[next]);
      }
      const bucket: Bucket = { values: new Float32Array(size), parameters: members, missing: members.length };
      this.buckets.push(bucket);
      for (const { index, start } of members) this.places[index] = { bucket, start };
    }
  }

  /** Takes this rank's gradient of a parameter, which stays the caller's. */
  readonly add = (index: number, gradient: Tensor): void => {
    const { bucket, start } = this.places[index];
    bucket.values.set(gradient.dataSync() as Float32Array, start);
    this.arrived.add(index);
    bucket.missing--;
    this.sendFull();
    for (const { pending } of this.buckets) pending?.advance();
  };

  /**
   * The sums, one a parameter, of its shape; the caller disposes them.
   * @param rest what stands for a gradient that did not arrive, by parameter
   */
  finish(rest: readonly Tensor[]): Tensor[] {
    for (const [index, { bucket, start }] of this.places.entries())
      if (!this.arrived.has(index)) bucket.values.set(rest[index].dataSync() as Float32Array, start);
    for (const bucket of this.buckets) bucket.missing = 0;
    this.sendFull();
    const sums: Tensor[] = [];
    for (const bucket of this.buckets) {
      bucket.pending?.finish();
      bucket.pending = undefined;
      bucket.missing = bucket.parameters.length;
      for (const { index, start } of bucket.parameters) {
        const { shape } = this.parameters[index];
        sums[index] = tf.tensor(bucket.values.slice(start, start + tf.util.sizeFromShape(shape)), shape, 'float32');
      }
    }
    this.arrived = new Set();
    this.sent = 0;
    return sums;
  }

  private sendFull(): void {
    for (; this.sent < this.buckets.length && this.buckets[this.sent].missing === 0; this.sent++) {
      const bucket = this.buckets[this.sent];
      bucket.pending = this.communicator.startSum(bucket.values);
    }
  }
}
