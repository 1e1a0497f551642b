/**
 * The best of the weights that a run passes through, by a score on pictures that it is not trained
 * on; and the end of a run that no longer gets better.
 */
import type { ParameterEntry, Parameters } from '../core/parameters';

export interface Selection {
  /** Steps between two looks; the last step has one too. */
  every: number;
  /** Looks without a better score after which the run ends. */
  patience: number;
  /** Larger is better; of the weights as they are now, the same on every rank. */
  score(): Promise<number>;
}

/** What was found so far. */
export interface Best {
  /** Steps that had been taken. */
  step: number;
  score: number;
  /** Whether the run ended before its last step. */
  stoppedEarly: boolean;
}

export class BestWeights {
  private step = 0;
  private score = -Infinity;
  private misses = 0;
  private weights: Record<string, Map<string, ParameterEntry>>;

  constructor(
    private readonly stores: Record<string, Parameters>,
    private readonly selection: Pick<Selection, 'every' | 'patience'>,
  ) {
    this.weights = this.read();
  }

  private read(): Record<string, Map<string, ParameterEntry>> {
    return Object.fromEntries(Object.entries(this.stores).map(([name, store]) => [name, store.read()]));
  }

  isDue(step: number, steps: number): boolean {
    return step % this.selection.every === 0 || step === steps;
  }

  /** Notes the score of the weights as they are; what is equal to the best is no better. */
  note(step: number, score: number): void {
    const value = Math.fround(score); // as a checkpoint keeps it
    this.misses++;
    if (!(value > this.score)) return;
    [this.step, this.score, this.misses, this.weights] = [step, value, 0, this.read()];
  }

  get isOver(): boolean {
    return this.misses >= this.selection.patience;
  }

  /** Gives the stores the best weights. */
  apply(): void {
    for (const [name, store] of Object.entries(this.stores)) store.load(this.weights[name]);
  }

  found(taken: number, steps: number): Best {
    return { step: this.step, score: this.score, stoppedEarly: taken < steps };
  }

  state(): Map<string, ParameterEntry> {
    const looks = { shape: [3], data: Float32Array.of(this.step, Math.max(this.score, -1), this.misses) };
    const weights = Object.entries(this.weights).flatMap(([name, entries]) =>
      [...entries].map(([own, entry]) => [`${name}/${own}`, entry] as const),
    );
    return new Map([['looks', looks], ...weights]);
  }

  load(state: Map<string, ParameterEntry>): void {
    const { data } = state.get('looks') as ParameterEntry;
    [this.step, this.score, this.misses] = data;
    if (this.step === 0) this.score = -Infinity;
    for (const name of Object.keys(this.stores))
      this.weights[name] = new Map(
        [...state].flatMap(([key, entry]) =>
          key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), entry] as const] : [],
        ),
      );
  }
}
