/**
 * The league: every distillation loss under one budget, tuned alike. The protocol is that of
 * data/README.md, written down before its runs; `npm run reproduce -- --league` follows it.
 */
import type { RunResult } from '../runs/results';
import type { LossSettings, Variant, VariantRow } from '../runs/variants';

/** Those that take part, besides the student alone; L_FKD and its parts are inside FreeKD. */
export const leagueLosses: readonly Variant[] = [
  'mse', 'freekd', 'released', 'cwd', 'pkd', 'mgd', 'fgd', 'cankd', 'maskd', 'crosskd',
];

export const leagueProtocol = {
  /** Times the weights that an experiment has; nothing else of a loss is tuned. */
  factors: [0.1, 0.3, 1, 3, 10],
  /** Seeds that are looked at in tuning alone. */
  tuningSeeds: [101, 102],
  /** Seeds that no run has had before. */
  seeds: [201, 202, 203, 204, 205],
  /** On other pictures than emoji scenes, with the weights that were tuned there. */
  seedsElsewhere: [201, 202, 203],
} as const;

/** All weights times `factor`, to three digits; what else a loss has stays as it is. */
export function scaledWeights(weights: LossSettings['weights'], factor: number): LossSettings['weights'] {
  const scaled = (value: unknown, name: string): unknown => {
    if (typeof value === 'number') return Number((value * factor).toPrecision(3));
    const settings = value as Record<string, unknown>;
    const isWeight = (field: string): boolean => name === 'released' || field === 'weight';
    return Object.fromEntries(
      Object.entries(settings).map(([field, own]) => [field, isWeight(field) ? scaled(own, field) : own]),
    );
  };
  const all = Object.entries(weights).map(([name, value]) => [name, scaled(value, name)]);
  return Object.fromEntries(all) as LossSettings['weights'];
}

/** A variant with its weights times `factor`. */
export const scaledRow = (row: VariantRow, factor: number): VariantRow => ({
  ...row,
  distillation: (settings) => row.distillation({ ...settings, weights: scaledWeights(settings.weights, factor) }),
});

const trialName = (name: Variant, trial: number): Variant => `${name}-trial-${trial + 1}`;

/** The trials of a variant, a row a factor. */
export const trialsOf = (row: VariantRow): VariantRow[] =>
  leagueProtocol.factors.map((factor, trial) => ({
    ...scaledRow(row, factor),
    name: trialName(row.name, trial),
    title: `${row.title}, weight x ${factor}`,
  }));

/**
 * The factor with the highest mean AP over the tuning seeds; of equal ones the first. A trial that
 * lacks a seed, since it diverged, is none.
 * @throws where no trial is whole
 */
export function bestFactor(name: Variant, tuned: readonly RunResult[], seeds: readonly number[]): number {
  const scores = leagueProtocol.factors.map((_, trial) => {
    const runs = tuned.filter(({ variant, seed }) => variant === trialName(name, trial) && seeds.includes(seed));
    return runs.length < seeds.length ? -Infinity : runs.reduce((sum, { metrics }) => sum + metrics.AP, 0);
  });
  const best = Math.max(...scores);
  if (best === -Infinity) throw new Error(`the league: no trial of ${name} has ended on all seeds ${seeds.join(', ')}`);
  return leagueProtocol.factors[scores.indexOf(best)];
}
