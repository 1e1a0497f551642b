/**
 * A loss of one's own in stage 2, given by a file or a cell: its parts are checked at every step,
 * and its errors begin with its name.
 */
import { tf } from '../../tf';
import type { LossParts } from '../../train/step';
import { projected, type HeadReads, type Imitation, type ImitationContext, type ImitationInput } from './imitation';

export interface OwnImitation {
  name: string;
  /** SHA-256 of the text that says what the loss is: another text is another loss. */
  source: string;
  /** Left out where it only combines losses that are known. */
  create?(context: ImitationContext): Imitation;
}

export interface OwnLosses extends HeadReads {
  losses(input: ImitationInput): LossParts;
  /** Whether `student` is phi of the student's pyramid, of the teacher's channels; default true. */
  projected?: boolean;
}

/** A loss that is a function of a step alone. */
export function createOfLosses(
  { losses, projected: isProjected = true, ...reads }: OwnLosses,
  context: ImitationContext,
): Imitation {
  if (!isProjected) return { ...reads, losses };
  return { ...reads, ...projected(context, (input, student) => losses({ ...input, student })) };
}

/** What `create` gives, its parts checked and its errors named. */
export function createOwn({ name, create }: Required<OwnImitation>, context: ImitationContext): Imitation {
  const imitation = blaming(name, () => create(context));
  const { parameters, readsHead, readsOutputs } = imitation;
  return {
    parameters,
    readsHead,
    readsOutputs,
    losses: (input) => blaming(name, () => checkedParts(imitation.losses(input))),
    dispose: () => imitation.dispose?.(),
  };
}

function blaming<T>(name: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const blamed = error instanceof Error ? error : new Error(String(error));
    throw Object.assign(blamed, { message: `the loss ${name}: ${blamed.message}` });
  }
}

function checkedParts(parts: LossParts): LossParts {
  const expected = 'losses should give { part: { value, weight } }';
  if (typeof parts !== 'object' || parts === null || parts instanceof tf.Tensor)
    throw new Error(`${expected}, not ${parts instanceof tf.Tensor ? 'a tensor' : String(parts)}`);
  for (const [part, given] of Object.entries(parts)) {
    const { value, weight } = (given ?? {}) as Partial<LossParts[string]>;
    if (!(value instanceof tf.Tensor) || value.rank !== 0)
      throw new Error(
        `${expected}, value a scalar; that of ${part} is ` +
          (value instanceof tf.Tensor ? `a tensor [${value.shape}]` : 'no tensor'),
      );
    if (typeof weight !== 'number' || !(weight >= 0 && weight < Infinity))
      throw new Error(`${expected}, weight a number >= 0; that of ${part} is ${weight}`);
  }
  return parts;
}
