/**
 * The variants that are compared: one row each, with its name in tables, its colour in charts, the
 * prompt it needs and the losses it adds. A new variant is a new row; a loss that is none of them
 * is run from a file or a cell (own-loss.ts).
 */
import { nearestNames } from '../core/nearest';
import type { Distillation } from '../distill/imitations/index';
import type { PromptDesign } from '../distill/prompt-state';
import type { PromptTuning } from '../distill/tune-prompt';
import type { FreeKDSettings } from '../distill/imitations/freekd';

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

/** Settings of the losses of stage 2 that are not FreeKD's of profile `paper`. */
type Weights = Required<
  Pick<Distillation, 'mse' | 'released' | 'cwd' | 'pkd' | 'mgd' | 'fgd' | 'cankd' | 'maskd' | 'crosskd'>
>;

/** What an experiment says about losses. */
export interface LossSettings {
  prompt: Record<PromptName, PromptSettings>;
  /** How L_FKD and L_FreeKD weigh bands, in profile `paper`; the optional fields are FreeKD+ in our reading. */
  loss: Required<Pick<FreeKDSettings, 'bands' | 'reduction'>> &
    Pick<FreeKDSettings, 'penalty' | 'bandWeights' | 'refineAfter'>;
  /** Weights of the losses of stage 2. */
  weights: Weights & { mu: number };
}

/** The name of a row, or of a loss of one's own. */
export type Variant = string;

export interface VariantRow {
  name: Variant;
  title: string;
  color: string;
  /** The prompt that it takes, if any: it is tuned first. */
  prompt?: PromptName;
  /** A loss of another paper, which `--full` leaves out. */
  peer?: true;
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

/** A loss by its own settings. */
const weighted =
  (name: keyof Weights) =>
  ({ weights }: LossSettings): Distillation => ({ [name]: weights[name] });

/** In the order of tables. */
const rows: Record<Variant, Omit<VariantRow, 'name'>> = {
  student: { title: 'student alone', color: '#c18b2e', distillation: () => ({}) },
  mse: { title: 'feature MSE', color: '#6e8efd', distillation: weighted('mse') },
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
    distillation: weighted('released'),
  },
  cwd: { title: 'CWD', color: '#8c5082', peer: true, distillation: weighted('cwd') },
  pkd: { title: 'PKD', color: '#328c78', peer: true, distillation: weighted('pkd') },
  mgd: { title: 'MGD', color: '#a08c5a', peer: true, distillation: weighted('mgd') },
  fgd: { title: 'FGD', color: '#507846', peer: true, distillation: weighted('fgd') },
  cankd: { title: 'CanKD', color: '#64a082', peer: true, distillation: weighted('cankd') },
  maskd: { title: 'MasKD', color: '#dc1428', peer: true, prompt: 'maskd', distillation: weighted('maskd') },
  crosskd: { title: 'CrossKD', color: '#a08caa', peer: true, distillation: weighted('crosskd') },
};

/** The names of all rows, in the order of tables. */
export const variants: readonly Variant[] = Object.keys(rows);

const each = <T>(of: (row: Omit<VariantRow, 'name'>) => T): Record<Variant, T> =>
  Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, of(row)]));

export const variantTitles = each(({ title }) => title);
export const variantColors = each(({ color }) => color);

/** @throws where there is none of this name; the nearest are said */
export function variantRow(name: Variant): VariantRow {
  if (Object.hasOwn(rows, name)) return { name, ...rows[name] };
  throw new Error(`there is no variant "${name}"; the nearest are ${nearestNames(name, variants, 3).join(', ')}`);
}
