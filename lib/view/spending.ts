/** Where losses are spent, as a table, a sentence and charts. */
import { lookOf } from '../runs/looks';
import { regions, spentOn, type Region, type Spending } from '../runs/spending';
import type { Variant } from '../runs/variants';
import { bandBars } from './band-bars';
import { pipeTable } from './text-table';
import { detectorLook, seriesChannels, TEXT_COLOR, themed, type Chart } from './theme';

const variantsOf = ({ spent }: Spending): Variant[] => [...new Set(spent.map(({ variant }) => variant))];
const titleOf = (variant: Variant): string => lookOf({ variant }).title;
/** Of which the pictures have some. */
const regionsOf = ({ area }: Spending): Region[] => regions.filter((region) => area[region] > 0);

const names: Record<Region, string> = {
  small: 'small objects',
  medium: 'medium objects',
  large: 'large objects',
  background: 'background',
};
const percent = (share: number): string => (100 * share).toFixed(1);

/** What falls on each region, in percent of all. */
export function spendingTable(spending: Spending): string {
  const shown = variantsOf(spending);
  const header = [
    '% of',
    'pixels',
    ...shown.map(titleOf),
    ...shown.map((variant) => `gradient of ${titleOf(variant)}`),
  ];
  const kinds = ['value', 'gradient'] as const;
  const rows = regionsOf(spending).map((region) => [
    names[region],
    percent(spending.area[region]),
    ...kinds.flatMap((kind) => shown.map((variant) => percent(spentOn(spending, variant, kind)[region]))),
  ]);
  return pipeTable(header, rows);
}

/** Share on small objects over their share of pixels: 1 is what an even loss spends there. */
const onSmall = (spending: Spending, variant: Variant, kind: 'value' | 'gradient'): string =>
  `${(spentOn(spending, variant, kind).small / spending.area.small).toFixed(2)}`;

/** What the table says of small objects, in one sentence. */
export function spendingSentence(spending: Spending): string {
  const { pictures, steps, area } = spending;
  const times = (kind: 'value' | 'gradient'): string =>
    variantsOf(spending)
      .map((variant) => `${titleOf(variant)} ${onSmall(spending, variant, kind)}`)
      .join(', ');
  return (
    `On ${pictures} validation pictures, with a student after ${steps} steps, small objects cover ` +
    `${percent(area.small)} % of the pixels; a pixel of theirs bears so many times the average of a loss: ` +
    `${times('value')}; of its gradient: ${times('gradient')}.`
  );
}

/** How many times the average pixel a pixel of each region bears. */
export function spendingChart(spending: Spending): Chart {
  const shown = variantsOf(spending);
  const rows = (['value', 'gradient'] as const).flatMap((kind) =>
    shown.flatMap((variant) =>
      regionsOf(spending).map((region) => ({
        kind: kind === 'value' ? 'of the loss' : 'of its gradient',
        loss: titleOf(variant),
        region: names[region],
        times: spentOn(spending, variant, kind)[region] / spending.area[region],
      })),
    ),
  );
  const { color, shape } = seriesChannels('loss', shown.map(titleOf), shown.map((variant) => detectorLook(variant)), {
    legend: { orient: 'top' } as const,
  });
  const order = regionsOf(spending).map((region) => names[region]);
  return themed({
    title: { text: 'Where losses are spent', subtitle: 'a pixel of a region against the average pixel, which has 1' },
    data: { values: rows },
    facet: { row: { field: 'kind', type: 'nominal', title: null, sort: ['of the loss', 'of its gradient'] } },
    spec: {
      width: 420,
      height: { step: 30 },
      layer: [
        { mark: { type: 'rule', color: TEXT_COLOR, strokeDash: [4, 3] }, encoding: { x: { datum: 1 } } },
        {
          mark: { type: 'point', filled: true, size: 90, opacity: 0.9, tooltip: true },
          encoding: {
            x: { field: 'times', type: 'quantitative', title: 'times the average pixel', axis: { tickCount: 6 } },
            y: { field: 'region', type: 'nominal', title: null, sort: order },
            color,
            shape,
          },
        },
      ],
    },
  });
}

/** The share of each band of the finest level in what a loss spends there. */
export function spendingByBand(spending: Spending, kind: 'value' | 'gradient'): Chart {
  const stride = Math.min(...spending.spent.map((entry) => entry.stride));
  const bands = [...new Set(spending.spent.filter((entry) => entry.stride === stride).map(({ band }) => band))];
  const sumOf = (variant: Variant, band?: string): number => {
    const chosen = spentOn(
      spending,
      variant,
      kind,
      (entry) => entry.stride === stride && (!band || entry.band === band),
    );
    return regions.reduce((sum, region) => sum + chosen[region], 0);
  };
  const series = variantsOf(spending).map((variant) => ({
    name: titleOf(variant),
    color: detectorLook(variant).color,
    values: bands.map((band) => sumOf(variant, band) / sumOf(variant)),
  }));
  const what = kind === 'value' ? 'the loss' : "its gradient's magnitude";
  return bandBars(bands, series, {
    title: `Share of ${what} by band, stride ${stride}`,
    axis: 'share (%)',
    format: '~%',
  });
}
