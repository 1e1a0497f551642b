/**
 * Which pictures make which batch: a pure function of seed and step, so that a resumed run needs to
 * know its step only.
 */
import { Random } from '../core/random';
import type { Drawn } from './augmentation';
import type { Size } from './input-size';

/** @typeParam D what else is drawn */
export interface Draw<D = Drawn> {
  /** Position in the data set's `images`. */
  index: number;
  flip: boolean;
  /** Only where the loader augments. */
  drawn?: D;
}

/** A part of a data-parallel run: `size` ranks share the batches of an epoch. */
export interface Shard {
  rank: number;
  size: number;
}

export interface SamplerOptions<D = Drawn> {
  /** Pictures of one rank. */
  batch: number;
  /**
   * At every step the ranks take the next `size` batches of the epoch, in turn: together the batch
   * of a single rank with `size * batch` pictures.
   */
  shard: Shard;
  shuffle: boolean;
  /** Probability of mirroring. */
  flip: number;
  seed: number | string;
  /** Leave out an epoch's last, incomplete batch. */
  dropLast: boolean;
  /**
   * Batches of landscape or of portrait pictures only (those left over at an epoch's end mix), as
   * mmdet's AspectRatioBatchSampler.
   */
  groupByAspect: boolean;
  /**
   * What else is drawn for a picture, if anything.
   * @param random of this picture in this epoch: the same in whatever batch and rank it comes
   */
  augment?(index: number, random: Random): D;
}

export class Sampler<D = Drawn> {
  readonly batchesPerEpoch: number;
  private readonly random: Random;
  private recent = new Map<number, Draw<D>[]>();

  /** `indices`: the pictures that take part, positions in `images`. */
  constructor(
    private readonly images: readonly Size[],
    private readonly indices: readonly number[],
    private readonly options: SamplerOptions<D>,
  ) {
    const { seed, dropLast, batch, shard } = options;
    this.random = new Random(seed);
    const batches = indices.length / batch;
    this.batchesPerEpoch = dropLast
      ? Math.floor(batches / shard.size)
      : Math.ceil((Math.ceil(batches) - shard.rank) / shard.size);
  }

  /** Pictures of a step, counted from 0 over all epochs. */
  draws(step: number): Draw<D>[] {
    const { batch, shard } = this.options;
    return this.taken(step, shard.rank * batch, batch);
  }

  /** Pictures of a step of all ranks. */
  drawsOfAll(step: number): Draw<D>[] {
    const { batch, shard } = this.options;
    return this.taken(step, 0, batch * shard.size);
  }

  /** `count` of the pictures of a step of all ranks. */
  private taken(step: number, first: number, count: number): Draw<D>[] {
    const { batch, shard, augment } = this.options;
    const start = (step % this.batchesPerEpoch) * batch * shard.size + first;
    const epoch = Math.floor(step / this.batchesPerEpoch);
    const draws = this.epoch(epoch).slice(start, start + count);
    if (!augment) return draws;
    const random = this.random.fork('augmentation').fork(epoch);
    return draws.map((draw) => ({ ...draw, drawn: augment(draw.index, random.fork(draw.index)) }));
  }

  /**
   * All pictures of an epoch in their order, those of an incomplete last batch included, without
   * what `augment` draws.
   */
  epoch(epoch: number): Draw<D>[] {
    const known = this.recent.get(epoch);
    if (known !== undefined) return known;
    const { shuffle, flip, groupByAspect } = this.options;
    const shuffled = shuffle ? this.random.fork('order').fork(epoch).shuffle(this.indices) : [...this.indices];
    const order = groupByAspect ? this.grouped(shuffled) : shuffled;
    const coin = this.random.fork('flip').fork(epoch);
    const draws = order.map((index) => ({ index, flip: coin.next() < flip }));
    // Prefetching looks into the next epoch while this one ends: two are enough.
    this.recent = new Map([...this.recent, [epoch, draws] as const].slice(-2));
    return draws;
  }

  /** Full batches of one orientation in the order in which they fill up, then what is left. */
  private grouped(order: readonly number[]): number[] {
    const result: number[] = [];
    const waiting: [number[], number[]] = [[], []];
    for (const index of order) {
      const { width, height } = this.images[index];
      const group = waiting[width < height ? 0 : 1];
      group.push(index);
      if (group.length === this.options.batch * this.options.shard.size) result.push(...group.splice(0));
    }
    return result.concat(...waiting);
  }
}
