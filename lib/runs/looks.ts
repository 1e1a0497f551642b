/** Title, colour and place of what was run, in all tables and charts: a row of the table, or a loss of one's own. */
import { variantColors, variants, variantTitles, type Variant } from './variants';

/** What a loss of one's own brings with its results. */
export interface VariantLook {
  title: string;
  color: string;
}

/** A run as far as it is shown. */
export interface Shown {
  variant: Variant;
  look?: VariantLook;
}

/** Of losses of one's own; test/view/theme.test.ts holds them apart from the variants'. */
export const ownColors = ['#a000fa', '#fa3cd2', '#6e828c', '#8264aa'];

/** Decides by name alone, so that a loss has one look wherever it appears. */
export const ownPlace = (name: string): number => [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);

export const ownColor = (name: string): string => ownColors[ownPlace(name) % ownColors.length];

export function lookOf({ variant, look }: Shown): VariantLook {
  if (Object.hasOwn(variantTitles, variant)) return { title: variantTitles[variant], color: variantColors[variant] };
  return look ?? { title: variant, color: ownColor(variant) };
}

/** The order of tables: that of `variants`, then losses of one's own by name. */
export function compareVariants(a: Variant, b: Variant): number {
  const place = (variant: Variant): number => (variants.includes(variant) ? variants.indexOf(variant) : Infinity);
  return place(a) === place(b) ? a.localeCompare(b) : place(a) - place(b);
}

/** Each variant of some runs once, in the order of tables. */
export function variantsIn(runs: readonly Shown[]): ({ variant: Variant } & VariantLook)[] {
  const found = new Map(runs.map((run) => [run.variant, lookOf(run)]));
  const looks = [...found].map(([variant, look]) => ({ variant, ...look }));
  return looks.sort((a, b) => compareVariants(a.variant, b.variant));
}
