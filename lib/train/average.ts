/**
 * Exponential moving average of the weights that are trained (Polyak and Juditsky, 1992), which
 * detects better than the last weights do where steps are few or noisy:
 *
 *   a_0 = w_0,  a_t = d_t a_(t-1) + (1 - d_t) w_t,  d_t = min(decay, (1 + t) / (10 + t))
 *
 * t counts steps from 1; the second bound, TensorFlow's, forgets the start sooner. Running
 * statistics of batch norm are averages already and stay as they are.
 */
import type { Parameter, ParameterEntry } from '../core/parameters';
import { Variable } from '../core/variable';
import { tf } from '../tf';

export class WeightAverage {
  private readonly averages: Variable[];

  /** @param names of `parameters`, each once */
  constructor(
    private readonly parameters: readonly Parameter[],
    private readonly names: readonly string[],
    private readonly decay: number,
  ) {
    this.averages = parameters.map(({ shape, variable }) => new Variable(shape, variable.read()));
  }

  /** @param step steps taken, this one included */
  update(step: number): void {
    const decay = Math.min(this.decay, (1 + step) / (10 + step));
    this.averages.forEach((average, i) =>
      tf.tidy(() => {
        const away = tf.sub(this.parameters[i].value, average.value);
        average.assign(tf.add(average.value, tf.mul(away, 1 - decay)));
      }),
    );
  }

  /** Gives the parameters the averages and keeps what they were; called again, it undoes that. */
  swap(): void {
    this.averages.forEach((average, i) => {
      const { variable } = this.parameters[i];
      const [own, other] = [variable.read(), average.read()];
      tf.tidy(() => {
        variable.assign(tf.tensor(other, variable.shape));
        average.assign(tf.tensor(own, variable.shape));
      });
    });
  }

  state(): Map<string, ParameterEntry> {
    return new Map(
      this.averages.map((average, i) => [this.names[i], { shape: [...average.shape], data: average.read() }]),
    );
  }

  /** @throws naming what is missing */
  load(state: Map<string, ParameterEntry>): void {
    this.averages.forEach((average, i) => {
      const found = state.get(this.names[i]);
      if (!found) throw new Error(`the checkpoint lacks the average of ${this.names[i]}`);
      tf.tidy(() => average.assign(tf.tensor(found.data, average.shape)));
    });
  }

  dispose(): void {
    this.averages.forEach((average) => average.dispose());
  }
}
