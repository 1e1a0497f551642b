/** The losses and gradients of a batch: at once or in turns, of one rank or of all together. */
import { valueAndGradients } from '../core/gradients';
import { tf, type Scalar, type Tensor } from '../tf';
import type { StepRecord } from './log';
import { amongAll, amongRanks } from './shares';
import type { LossParts, StepOptions, Trained } from './step';
import { added, type Turns, TurnStatistics } from './turns';

export interface Evaluated {
  /** The weighted total `loss`, and its parts. */
  losses: StepRecord['losses'];
  /** One a parameter, of the total; the caller disposes them. */
  gradients: Tensor[];
}

type OnGradient = (index: number, gradient: Tensor) => void;
type Evaluation<B> = Pick<StepOptions<B>, 'loss' | 'turns' | 'release'>;

/** Losses and gradients of a batch, which stays the caller's, summed over ranks. */
export function evaluate<B>(options: Evaluation<B>, trained: Trained, batch: B, step: number): Evaluated {
  const { loss, turns } = options;
  const { world, gradientSum } = trained;
  const { losses, gradients } =
    turns && turns.count > 1
      ? inTurns({ ...options, turns }, trained, batch, step)
      : evaluatePart(() => loss(batch, step, amongRanks(world)), 1 / world.size, trained, gradientSum?.add);
  const sums = world.sum(Object.values(losses));
  const all = Object.fromEntries(Object.keys(losses).map((name, i) => [name, sums[i]]));
  if (!gradientSum) return { losses: all, gradients };
  const ofAll = gradientSum.finish(gradients);
  tf.dispose(gradients);
  return { losses: all, gradients: ofAll };
}

/**
 * Losses and gradients of a batch, its parts one after another. Of several ranks the gradients are
 * of all turns but the last: those of the last have been handed on with them as they came.
 */
function inTurns<B>(
  { loss, turns, release }: Evaluation<B> & { turns: Turns<B> },
  trained: Trained,
  batch: B,
  step: number,
): Evaluated {
  const { world, gradientSum } = trained;
  const { count } = turns;
  const usualShare = 1 / (world.size * count);
  const losses: Evaluated['losses'] = {};
  let gradients: Tensor[] = [];
  const handOn: OnGradient = (index, gradient) =>
    tf.tidy(() => gradientSum?.add(index, tf.add(gradients[index], gradient)));
  const statistics = new TurnStatistics(trained.statistics);
  const withPart = <T>(turn: number, body: (part: B) => T): T => {
    const part = turns.part(batch, turn);
    try {
      return body(part);
    } finally {
      release?.(part);
    }
  };
  try {
    const each = Array.from({ length: count }, (_, turn) => withPart(turn, (part) => turns.normalizers(part, step)));
    statistics.reset();
    const share = amongAll(world, each);
    for (let turn = 0; turn < count; turn++) {
      const isHanded = gradientSum !== undefined && turn === count - 1;
      const own = withPart(turn, (part) =>
        evaluatePart(() => loss(part, step, share), usualShare, trained, isHanded ? handOn : undefined),
      );
      for (const [name, value] of Object.entries(own.losses)) losses[name] = (losses[name] ?? 0) + value;
      if (isHanded) tf.dispose(own.gradients);
      else gradients = added(gradients, own.gradients);
      statistics.endTurn();
    }
    statistics.settle(count);
    return { losses, gradients };
  } catch (error) {
    tf.dispose(gradients);
    throw error;
  } finally {
    statistics.dispose();
  }
}

/**
 * Losses and gradients of some pictures of a batch, as their share of the whole batch's.
 * @param usualShare of a part of the loss that names none
 */
function evaluatePart(
  loss: () => LossParts,
  usualShare: number,
  { parameters }: Pick<Trained, 'parameters'>,
  onGradient?: OnGradient,
): Evaluated {
  const parts: Record<string, Scalar> = {};
  const scaled = (value: Scalar, factor: number): Scalar => (factor === 1 ? value : tf.mul(value, factor));
  try {
    const { value, gradients } = valueAndGradients(
      () => {
        const weighted = Object.entries(loss()).map(([name, { value: part, weight, share = usualShare }]) => {
          parts[name] = tf.keep(tf.tidy(() => scaled(part, share).clone()));
          return scaled(part, weight * share);
        });
        return weighted.length === 1 ? weighted[0] : (tf.addN(weighted) as Scalar);
      },
      parameters,
      onGradient,
    );
    const all = { loss: value, ...parts };
    const numbers = tf.tidy(() => tf.stack(Object.values(all)).dataSync());
    value.dispose();
    return { losses: Object.fromEntries(Object.keys(all).map((name, i) => [name, numbers[i]])), gradients };
  } finally {
    tf.dispose(parts);
  }
}
