/**
 * What each choice inside FreeKD is worth: variant `freekd` on emoji scenes with one thing changed.
 * `npm run reproduce -- --ablation NAME --seeds 3`; notebook 06 shows the recorded runs. The
 * default of each group is the recorded `freekd` itself.
 *
 * What FreeKD+ (IEEE TPAMI 2026) adds is a table of its own, of which no run is recorded yet. Its
 * abstract alone could be had: "relaxed alignment in the high-frequency domain" and "stronger
 * alignment for low-frequency features" are quoted from there, and so is that masks are refined by
 * the student's knowledge. That this means a penalty or a weight for each group of bands, and masks
 * m_t * m_s after a warm-up, is our reading (distill/imitations/freekd.ts). mu stays that of L1.
 */
import type { Penalty } from '../freekd/penalty';
import { emojiScenes, type Experiment } from './experiment';
import { override } from './overrides';

export interface Ablation {
  /** What is varied, and the value here and by default, as a chart shows them. */
  group: string;
  value: string;
  standard: string;
  /** Changed fields of the experiment, as `--set` takes them. */
  set: readonly string[];
}

const frequency = (field: string, value: string): string => `prompt.paper.frequency.${field}=${value}`;
const tuning = (field: string, value: string): string => `prompt.paper.tuning.${field}=${value}`;

export const ablations = {
  'level-1': { group: 'wavelet levels', value: '1', standard: '3', set: [frequency('level', '1')] },
  'level-2': { group: 'wavelet levels', value: '2', standard: '3', set: [frequency('level', '2')] },
  'tokens-1': { group: 'tokens a band', value: '1', standard: '2', set: [frequency('tokens', '1')] },
  'tokens-6': { group: 'tokens a band', value: '6', standard: '2', set: [frequency('tokens', '6')] },
  db2: {
    group: 'wavelet',
    value: 'db2',
    standard: 'haar',
    set: [frequency('wavelet', 'db2'), frequency('mode', 'symmetric')],
  },
  'bior2.2': {
    group: 'wavelet',
    value: 'bior2.2',
    standard: 'haar',
    set: [frequency('wavelet', 'bior2.2'), frequency('mode', 'symmetric')],
  },
  high: {
    group: 'bands and their weights',
    value: 'without LL',
    standard: 'all coefficients alike',
    set: ['loss.bands=high'],
  },
  'band-mean': {
    group: 'bands and their weights',
    value: 'all bands alike',
    standard: 'all coefficients alike',
    set: ['loss.reduction=band-mean'],
  },
  'mu-10': { group: 'mu', value: '10', standard: '30', set: ['weights.mu=10'] },
  'mu-100': { group: 'mu', value: '100', standard: '30', set: ['weights.mu=100'] },
  distinct: {
    group: 'dissimilarity',
    value: 'Jaccard, distinct pairs',
    standard: 'Jaccard, all pairs',
    set: [tuning('pairs', 'distinct')],
  },
  none: { group: 'dissimilarity', value: 'none', standard: 'Jaccard, all pairs', set: [tuning('lambda', '0')] },
} satisfies Record<string, Ablation>;

export type AblationName = keyof typeof ablations;
export const ablationNames = Object.keys(ablations) as AblationName[];

const penalty = (low: Penalty, high: Penalty): string[] => [`loss.penalty={"low":"${low}","high":"${high}"}`];
const bandWeights = (low: number, high: number): string[] => [`loss.bandWeights={"low":${low},"high":${high}}`];
const ofPenalty = { group: 'penalty of a difference', standard: 'L1' } as const;
const ofGroups = { group: 'weights of LL and details', standard: '1 and 1' } as const;

/** FreeKD+ in our reading. */
export const freekdPlusAblations = {
  'penalty-squared': { ...ofPenalty, value: 'squared', set: penalty('squared', 'squared') },
  'penalty-log-squared': { ...ofPenalty, value: 'log-squared', set: penalty('log-squared', 'log-squared') },
  'penalty-huber': { ...ofPenalty, value: 'Huber', set: penalty('huber', 'huber') },
  'penalty-decoupled': {
    ...ofPenalty,
    value: 'squared in LL, log-squared in details',
    set: penalty('squared', 'log-squared'),
  },
  'low-stronger': { ...ofGroups, value: '2 and 1', set: bandWeights(2, 1) },
  'high-relaxed': { ...ofGroups, value: '1 and 0.5', set: bandWeights(1, 0.5) },
  refined: {
    group: 'masks',
    value: "teacher's times student's after 40 steps",
    standard: "teacher's",
    set: ['loss.refineAfter=40'],
  },
  plus: {
    group: 'FreeKD+ in our reading',
    value: 'decoupled penalties and refined masks',
    standard: 'FreeKD',
    set: [...penalty('squared', 'log-squared'), 'loss.refineAfter=40'],
  },
} satisfies Record<string, Ablation>;

export type FreeKDPlusName = keyof typeof freekdPlusAblations;
export const freekdPlusNames = Object.keys(freekdPlusAblations) as FreeKDPlusName[];

/** The experiment of an ablation. */
export function ablationExperiment(name: AblationName | FreeKDPlusName): Experiment {
  const { group, value, set }: Ablation = { ...ablations, ...freekdPlusAblations }[name];
  return override(
    {
      ...emojiScenes,
      name: `ablations/${name}`,
      title: `emoji scenes, ${group}: ${value} (generated stand-in, not COCO)`,
    },
    set,
  );
}

/** The command that repeats an ablation's recorded runs. */
export const ablationCommand = (name: AblationName | FreeKDPlusName): string =>
  `npm run reproduce -- --ablation ${name} --seeds 3`;
