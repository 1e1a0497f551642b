/**
 * Variations of one thing at a time, grouped by what was varied: a dot a seed, the mean as a tick,
 * and a line for a control.
 */
import { TEXT_COLOR, themed, type Chart } from './theme';

export interface Variation {
  group: string;
  /** The value in this row. */
  value: string;
  /** Whether it is the default, which every group has. */
  standard: boolean;
  /** One a seed. */
  results: readonly number[];
}

/**
 * @param options.control what all are measured against: a dashed line over all groups
 * @param options.axis what the results are, with their unit
 */
export function groupDots(
  variations: readonly Variation[],
  {
    title,
    axis,
    color,
    control,
  }: { title: string; axis: string; color: string; control?: { name: string; value: number } },
): Chart {
  const groups = [...new Set(variations.map(({ group }) => group))];
  const all = [...variations.flatMap(({ results }) => results), ...(control ? [control.value] : [])];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = 0.06 * (high - low || 1);
  const scale = { domain: [low - margin, high + margin] as number[], zero: false, nice: false };
  const y = { field: 'value', type: 'nominal', title: null, sort: null, axis: { minExtent: 200 } } as const;
  const shade = { condition: { test: 'datum.standard', value: color }, value: TEXT_COLOR } as const;
  const panels = groups.map((group, i) => {
    const rows = variations
      .filter((variation) => variation.group === group)
      .map(({ value, standard, results }) => ({
        value: standard ? `${value} (default)` : value,
        standard,
        results: [...results],
        mean: results.reduce((sum, result) => sum + result, 0) / results.length,
      }));
    const last = i === groups.length - 1;
    const x = {
      type: 'quantitative',
      title: last ? axis : null,
      scale,
      axis: { tickCount: 6, labels: last, ticks: last, domain: last },
    } as const;
    return {
      title: { text: group, fontSize: 13, anchor: 'start' as const, offset: 6 },
      data: { values: rows },
      width: 460,
      height: { step: 22 },
      layer: [
        ...(control
          ? [
              {
                data: { values: [{}] },
                mark: { type: 'rule' as const, strokeDash: [5, 4], color: TEXT_COLOR },
                encoding: { x: { datum: control.value, ...x } },
              },
            ]
          : []),
        {
          mark: { type: 'tick' as const, thickness: 3, size: 18 },
          encoding: { x: { ...x, field: 'mean' }, y, color: shade },
        },
        {
          transform: [{ flatten: ['results'], as: ['result'] }],
          mark: { type: 'point' as const, filled: true, size: 36, opacity: 0.55, tooltip: true },
          encoding: { x: { ...x, field: 'result' }, y, color: shade },
        },
      ],
    };
  });
  return themed({
    title: control ? { text: title, subtitle: `dashed: ${control.name}, ${control.value.toFixed(1)}` } : title,
    vconcat: panels,
    spacing: 8,
  });
}
