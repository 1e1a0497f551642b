/**
 * A loss of one's own in stage 2, given by a file or a cell: its parts are checked at every step,
 * and its errors begin with its name.
 */
import { Parameters } from '../../core/parameters';
import { tf } from '../../tf';
import type { LossParts } from '../../train/step';
import { projected, type HeadReads, type Imitation, type ImitationContext, type ImitationInput } from './imitation';

export interface OwnImitation {
  name: string;
  /** "sha256:..." of what says what the loss is: another text is another loss. */
  text: string;
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
  const imitation = blaming(name, () => checkedImitation(create(context)));
  const { parameters, readsHead, readsOutputs, keepsAfter, takesStatistics } = imitation;
  return {
    parameters,
    readsHead,
    readsOutputs,
    keepsAfter,
    takesStatistics,
    losses: (input) => blaming(name, () => checkedParts(imitation.losses(input))),
    dispose: () => imitation.dispose?.(),
  };
}

function blaming<T>(name: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const blamed = error instanceof Error ? error : new Error(String(error));
    const message = blamed.message.replace(/^Invalid TF_Status: \d+\nMessage: /, '');
    throw Object.assign(blamed, { message: `the loss ${name}: ${message}` });
  }
}

function checkedImitation(imitation: Imitation | undefined): Imitation {
  const { losses, parameters } = imitation ?? ({} as Partial<Imitation>);
  if (typeof losses !== 'function')
    throw new Error(`create should give { losses, parameters }, losses a function; it gave ${shown(imitation)}`);
  if (parameters !== undefined && !(parameters instanceof Parameters))
    throw new Error('the parameters that create gives should be a new Parameters(), whose tensors are trained');
  return imitation!;
}

/** What a function gave in place of what it should. */
function shown(given: unknown): string {
  if (given instanceof tf.Tensor) return 'a tensor';
  if (given instanceof Promise) return 'a promise: it may not be async';
  return typeof given === 'object' && given !== null ? `{ ${Object.keys(given).join(', ')} }` : String(given);
}

function checkedParts(parts: LossParts): LossParts {
  const expected = 'losses should give { part: { value, weight } }';
  if (typeof parts !== 'object' || parts === null || parts instanceof tf.Tensor || parts instanceof Promise)
    throw new Error(`${expected}, not ${shown(parts)}`);
  if (Object.keys(parts).length === 0) throw new Error(`${expected}, and gave none`);
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
