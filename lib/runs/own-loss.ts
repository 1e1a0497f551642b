/**
 * A loss of one's own as a variant: what a file of `npm run reproduce -- --loss FILE` exports, and
 * what `session.student` takes in a cell.
 */
import { createHash } from 'node:crypto';
import * as s from '../core/schema';
import type { Imitation, ImitationContext } from '../distill/imitations/imitation';
import { checkLossNames, type Distillation } from '../distill/imitations/index';
import { createOfLosses, type OwnImitation, type OwnLosses } from '../distill/imitations/own';
import { ownColor } from './looks';
import { variants, variantRow, type PromptName, type Variant, type VariantRow } from './variants';

/** Of `losses`, `create` and `imitations`, one or, with `imitations`, two are given. */
export interface OwnLoss extends Partial<OwnLosses> {
  /** Lower-case letters, digits and dashes: its files bear it. */
  name: string;
  /** In tables and charts; default its name. */
  title?: string;
  /** In charts, "#rrggbb"; by default one that its name decides. */
  color?: string;
  /** The prompt of stage 1 that it wants in its `context`; profile `released` sees the teacher undivided. */
  prompt?: PromptName;
  /** In place of `losses`, where it has parameters of its own, or needs to be made first. */
  create?(context: ImitationContext): Imitation;
  /** Known losses with settings of one's own, masks among them. */
  imitations?: Omit<Distillation, 'own'>;
}

const NAME = /^[a-z][a-z0-9-]{0,39}$/;

const schema = s.fields({
  name: s.text(),
  title: s.optional(s.text()),
  color: s.optional(s.matching(/^#[0-9a-f]{6}$/i, 'a colour as "#d7376a"')),
  prompt: s.optional(s.oneOf(['paper', 'released', 'maskd'] satisfies PromptName[])),
  losses: s.optional(s.callable()),
  projected: s.optional(s.truth()),
  readsHead: s.optional(s.truth()),
  readsOutputs: s.optional(s.truth()),
  keepsAfter: s.optional(s.whole(0, 32)),
  create: s.optional(s.callable()),
  imitations: s.optional(s.anything()),
}) as s.Schema<OwnLoss>;

/** What decides the outcome, as text: functions by what they say. */
const textOf = (loss: OwnLoss): string =>
  JSON.stringify({ ...loss, title: undefined, color: undefined }, (_, field: unknown) =>
    typeof field === 'function' ? String(field) : field,
  );

/**
 * The row of a loss of one's own.
 * @param loss what should be an `OwnLoss`
 * @param text that says all of it, by default that of its functions: what a function of a cell takes
 *   from outside of itself is not in it
 * @throws Error naming the wrong field
 */
export function ownVariant(loss: unknown, text?: string): VariantRow {
  const given = s.checked(schema, loss, '');
  const { name, title = name, color = ownColor(name), prompt, projected, imitations = {} } = given;
  const [losses, create] = [given.losses?.bind(given), given.create?.bind(given)];
  if (!NAME.test(name)) throw new Error(`name must be lower-case letters, digits and dashes, is ${s.shown(name)}`);
  if (variants.includes(name) || name === 'teacher' || name.startsWith('prompt-'))
    throw new Error(`the name "${name}" is taken: choose another`);
  if (losses && create) throw new Error('there are both losses and create: leave one out');
  if (!losses && !create && !given.imitations) throw new Error('there are neither losses nor create nor imitations');
  checkLossNames(imitations, 'imitations');
  const { readsHead, readsOutputs, keepsAfter } = given;
  const own: OwnImitation = {
    name,
    text: `sha256:${createHash('sha256').update(text ?? textOf(given)).digest('hex')}`,
    create: losses
      ? (context) => createOfLosses({ losses, projected, readsHead, readsOutputs, keepsAfter }, context)
      : create,
  };
  return { name, title, color, prompt, distillation: () => ({ ...imitations, own }) };
}

/** The row that a name, a loss of one's own or itself means. */
export function rowOf(variant: Variant | OwnLoss | VariantRow): VariantRow {
  if (typeof variant === 'string') return variantRow(variant);
  return 'distillation' in variant ? variant : ownVariant(variant);
}
