/**
 * Where losses are spent (`npm run reproduce -- --spending`): how much of each and of its gradient
 * falls on objects of which size, band by band.
 */
import * as fs from 'node:fs';
import * as s from '../core/schema';
import { provenance } from './result-schema';
import type { RunResult } from './results';
import { variants, type Variant } from './variants';

/**
 * Pixels in boxes of fewer than 32^2 pixels, of fewer than 96^2, of more (COCO's sizes), and in
 * none.
 */
export const regions = ['small', 'medium', 'large', 'background'] as const;
export type Region = (typeof regions)[number];
export type ByRegion = Record<Region, number>;

/** What a loss spends on one band of one pyramid level; of a loss all numbers of a kind add up to 1. */
export interface Spent {
  variant: Variant;
  /** Input pixels from one position of the level to the next. */
  stride: number;
  band: string;
  /** Of the loss. */
  value: ByRegion;
  /** Of its gradient's magnitude. */
  gradient: ByRegion;
}

export interface Spending extends Pick<RunResult, 'machine' | 'versions' | 'commit' | 'date' | 'command'> {
  format: 1;
  experiment: string;
  data: string;
  pictures: number;
  /** The student's. */
  steps: number;
  seed: number;
  /** Share of the pixels. */
  area: ByRegion;
  spent: Spent[];
}

const share = s.real(-1, 2); // a sum of signed numbers
const byRegion: s.Schema<ByRegion> = s.fields({ small: share, medium: share, large: share, background: share });

const schema: s.Schema<Spending> = s.openFields({
  format: s.oneOf([1]),
  experiment: s.text(),
  data: s.text(),
  pictures: s.whole(1, 1e9),
  steps: s.whole(1, 1e9),
  seed: s.whole(0, Number.MAX_SAFE_INTEGER),
  area: byRegion,
  spent: s.list(
    s.openFields({
      variant: s.oneOf(variants),
      stride: s.whole(1, 1e6),
      band: s.text(),
      value: byRegion,
      gradient: byRegion,
    }),
  ),
  ...provenance,
});

/** @throws where the file is none of its kind */
export function readSpending(file: string): Spending {
  return s.checked(schema, JSON.parse(fs.readFileSync(file, 'utf8')), file);
}

/** What a loss spends on each region, over all bands and levels, or over those that are chosen. */
export function spentOn(
  { spent }: Pick<Spending, 'spent'>,
  variant: Variant,
  kind: 'value' | 'gradient',
  chosen: (entry: Spent) => boolean = () => true,
): ByRegion {
  const own = spent.filter((entry) => entry.variant === variant && chosen(entry));
  const sum = (region: Region): number => own.reduce((total, entry) => total + entry[kind][region], 0);
  return Object.fromEntries(regions.map((region) => [region, sum(region)])) as ByRegion;
}
