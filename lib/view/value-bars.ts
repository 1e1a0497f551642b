/** Bars of one value an index, and the softmax of such a list under a slider. */
import { detectorColors, TEXT_COLOR, themed, type Chart } from './theme';

/**
 * One bar a value.
 * @param options.sorted from the greatest down; options.reference a value that a line marks
 */
export function valueBars(
  values: readonly number[],
  {
    title,
    x,
    y,
    color,
    sorted = false,
    reference,
  }: { title: string; x: string; y: string; color: string; sorted?: boolean; reference?: number },
): Chart {
  const rows = values.map((value, index) => ({ index, value }));
  if (sorted) rows.sort((a, b) => b.value - a.value);
  const placed = rows.map((row, place) => ({ ...row, place }));
  return themed({
    title,
    data: { values: placed },
    width: 560,
    height: 180,
    layer: [
      {
        mark: { type: 'bar', color, binSpacing: 1 },
        encoding: {
          x: { field: 'place', type: 'ordinal', title: x, axis: { labels: false, ticks: false } },
          y: { field: 'value', type: 'quantitative', title: y, axis: { tickCount: 5 } },
          tooltip: [
            { field: 'index', title: 'channel' },
            { field: 'value', type: 'quantitative', format: '.3f' },
          ],
        },
      },
      ...(reference === undefined
        ? []
        : [
            {
              mark: { type: 'rule' as const, color: TEXT_COLOR, strokeDash: [4, 3] },
              encoding: { y: { datum: reference } },
            },
          ]),
    ],
  });
}

/**
 * The softmax of `logits` divided by a power of 2 that a slider chooses, from 1 to 2^`powers`,
 * where it starts.
 */
export function softmaxChart(
  logits: readonly number[],
  { title, powers, axis }: { title: string; powers: number; axis: string },
): Chart {
  const most = Math.max(...logits);
  return themed({
    title,
    params: [
      {
        name: 'power',
        value: powers,
        bind: { input: 'range', min: 0, max: powers, step: 1, name: 'divided by 2 to the power of ' },
      },
    ],
    data: { values: logits.map((logit, index) => ({ index, logit: Number((logit - most).toPrecision(6)) })) },
    transform: [
      { calculate: 'exp(datum.logit / pow(2, power))', as: 'weight' },
      { joinaggregate: [{ op: 'sum', field: 'weight', as: 'total' }] },
      { calculate: 'datum.weight / datum.total', as: 'share' },
    ],
    width: 560,
    height: 180,
    mark: { type: 'bar', color: detectorColors.relation },
    encoding: {
      x: { field: 'index', type: 'ordinal', title: axis, axis: { labels: false, ticks: false } },
      y: { field: 'share', type: 'quantitative', title: 'share', axis: { format: '~%', tickCount: 5 } },
      tooltip: [
        { field: 'index', title: 'channel' },
        { field: 'share', type: 'quantitative', format: '.2%' },
      ],
    },
  });
}
