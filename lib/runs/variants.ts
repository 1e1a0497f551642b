/**
 * The variants that are compared: one row each, with its name in tables, its colour in charts, the
 * prompt it needs and the losses it adds. A new variant is a new row.
 */
import type { Distillation } from '../distill/imitations/index';
import type { PromptDesign } from '../distill/prompt-state';
import type { PromptTuning } from '../distill/tune-prompt';
import type { FrequencyOptions } from '../freekd/loss';

/**
 * Every formula of the paper with our readings, or the authors' code (method.md). Losses of others
 * see the teacher as profile `paper` does, its pyramid divided by its deviations.
 */
export type Profile = 'paper' | 'released';

/** The prompts of stage 1 by name. */
export type PromptName = PromptDesign['profile'];

/** The profile whose teacher a prompt is tuned under. */
export const profileOf = (prompt: PromptName | undefined): Profile => (prompt === 'released' ? 'released' : 'paper');

/** Prompt (and gate), and how they are tuned in stage 1. */
export interface PromptSettings {
  frequency: PromptDesign;
  tuning: PromptTuning;
}

/** What an experiment says about losses. */
export interface LossSettings {
  prompt: Record<PromptName, PromptSettings>;
  /** How L_FKD and L_FreeKD weigh bands, in profile `paper`. */
  loss: Required<Pick<FrequencyOptions, 'bands' | 'reduction'>>;
  /** Weights of the losses of stage 2. */
  weights: { mse: number; mu: number; released: Required<Distillation>['released'] };
}

interface VariantRow {
  title: string;
  color: string;
  /** The prompt that it takes, if any: it is tuned first. */
  prompt?: PromptName;
  distillation(settings: LossSettings): Distillation;
}

/** L_FKD of profile `paper`, with the masks of stage 1 (formula 2) and its channel weights (formula 4). */
const freekd =
  (masks: boolean, relation: boolean) =>
  ({ weights: { mu }, prompt, loss }: LossSettings): Distillation => {
    const { frequency } = prompt.paper;
    if (frequency.profile !== 'paper') throw new Error("prompt.paper.frequency should be of profile 'paper'");
    const { wavelet, mode, level } = frequency;
    return { freekd: { mu, masks, relation, wavelet, mode, level, ...loss } };
  };

/** In the order of tables. */
const rows = {
  student: { title: 'student alone', color: '#c18b2e', distillation: () => ({}) },
  mse: { title: 'feature MSE', color: '#6e8efd', distillation: ({ weights: { mse } }) => ({ mse }) },
  fkd: { title: 'L_FKD', color: '#147157', distillation: freekd(false, false) },
  prompt: { title: 'L_FKD + prompt masks', color: '#5f54c1', prompt: 'paper', distillation: freekd(true, false) },
  relation: {
    title: 'L_FKD + relational weight',
    color: '#5e6c18',
    prompt: 'paper',
    distillation: freekd(false, true),
  },
  freekd: { title: 'FreeKD (both)', color: '#d7376a', prompt: 'paper', distillation: freekd(true, true) },
  released: {
    title: "FreeKD, authors' released losses",
    color: '#9676a7',
    prompt: 'released',
    distillation: ({ weights: { released } }) => ({ released }),
  },
} satisfies Record<string, VariantRow>;

export type Variant = keyof typeof rows;

export const variants = Object.keys(rows) as Variant[];

const each = <T>(of: (row: VariantRow) => T): Record<Variant, T> =>
  Object.fromEntries(variants.map((variant) => [variant, of(rows[variant])])) as Record<Variant, T>;

export const variantTitles = each(({ title }) => title);
export const variantColors = each(({ color }) => color);

/** The losses of a variant. */
export const distillationOf = (variant: Variant, settings: LossSettings): Distillation =>
  rows[variant].distillation(settings);

/** Which prompt a variant needs, if any. */
export const promptOf = (variant: Variant): PromptName | undefined => (rows[variant] as VariantRow).prompt;
