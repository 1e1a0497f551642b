/**
 * What each choice inside FreeKD is worth: variant `freekd` on emoji scenes with one thing changed.
 * `npm run reproduce -- --ablation NAME --seeds 3`; notebook 06 shows the recorded runs. The
 * default of each group is the recorded `freekd` itself.
 */
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

/** The experiment of an ablation. */
export function ablationExperiment(name: AblationName): Experiment {
  const { group, value, set } = ablations[name];
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
export const ablationCommand = (name: AblationName): string => `npm run reproduce -- --ablation ${name} --seeds 3`;
