/**
 * A batch learnt from in turns: its parts one after another, their gradients added up, one update
 * (gradient accumulation). The outcome is that of the whole batch, to float32's rounding; a step
 * takes the memory of one part.
 */
import type { Parameter } from '../core/parameters';
import { tf, type Tensor } from '../tf';
import type { Normalizers } from './shares';

/** @typeParam B a batch */
export interface Turns<B> {
  /** Parts of a batch (of one rank), of equally many pictures. */
  count: number;
  /** The part of a turn, a batch of its own; `release` of the step frees it. */
  part(batch: B, turn: number): B;
  /**
   * What the losses of a part will be divided by, by the names that `loss` asks the shares of: what
   * all parts count must be known before the first one's gradient.
   */
  normalizers(part: B, step: number): Normalizers;
}

/** The gradients of the turns so far, none before the first, with those of the next: frees both, one by one. */
export function added(sums: readonly Tensor[], gradients: Tensor[]): Tensor[] {
  if (sums.length === 0) return gradients;
  return sums.map((sum, i) => {
    const both = tf.add(sum, gradients[i]);
    tf.dispose([sum, gradients[i]]);
    return both;
  });
}

/** A running statistic, where the step found it, and what the turns so far have made of it. */
interface Moved {
  statistic: Parameter;
  start: Tensor;
  /** Its value before the turn: another tensor stands there where it was moved. */
  before: Tensor;
  sum?: Tensor;
}

/**
 * Running statistics of batch norm over the turns of a step: every turn moves them from where the
 * step found them, and their mean is where the step leaves them. So it is with ranks (run-state.ts).
 */
export class TurnStatistics {
  private readonly all: Moved[];

  constructor(statistics: readonly Parameter[]) {
    this.all = statistics.map((statistic) => ({
      statistic,
      start: tf.keep(statistic.value.clone()),
      before: statistic.value,
    }));
  }

  /** Back to where the step found them, from what a turn has made of them. */
  reset(): void {
    for (const moved of this.moved()) {
      moved.statistic.assign(moved.start);
      moved.before = moved.statistic.value;
    }
  }

  /** Notes what a turn has made of them, and resets them for the next. */
  endTurn(): void {
    for (const moved of this.moved()) {
      const { sum, statistic } = moved;
      moved.sum = tf.keep(sum ? tf.add(sum, statistic.value) : statistic.value.clone());
      sum?.dispose();
    }
    this.reset();
  }

  /** The means of all turns take their places. */
  settle(turns: number): void {
    tf.tidy(() => this.all.forEach(({ statistic, sum }) => sum && statistic.assign(tf.div(sum, turns))));
  }

  dispose(): void {
    for (const { start, sum } of this.all) tf.dispose([start, sum ?? []]);
  }

  private moved(): Moved[] {
    return this.all.filter(({ statistic, before }) => statistic.value !== before);
  }
}
