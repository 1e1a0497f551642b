/** Masks of a semantic frequency prompt as a chart: where in the picture, and in which band, each token looks. */
import type { Tensor4D } from '../tf';
import { TEXT_COLOR, themed, type Chart } from './theme';

/**
 * A grid of heat maps, a column a band and a row a token, for one picture.
 * @param masks one [N, H_b, W_b, T] a band with values in [0, 1], as `FrequencyPrompt.masks` gives
 * @param names of the bands, as `bandNames` gives
 * @param options.image which of the N pictures, default the first
 */
export function maskChart(masks: readonly Tensor4D[], names: readonly string[], { image = 0, title = 'Masks' } = {}): Chart {
  if (masks.length !== names.length) throw new Error(`maskChart: there are ${masks.length} masks and ${names.length} names`);
  const values = masks.flatMap((mask, band) => {
    const [, h, w, tokens] = mask.shape;
    const all = mask.dataSync();
    return Array.from({ length: h * w * tokens }, (_, i) => {
      const [row, column] = [Math.floor(i / (w * tokens)), Math.floor(i / tokens) % w];
      const corners = { left: column / w, right: (column + 1) / w, top: row / h, bottom: (row + 1) / h };
      return { band: names[band], token: `token ${(i % tokens) + 1}`, ...corners, mask: all[image * h * w * tokens + i] };
    });
  });
  const side = { type: 'quantitative' as const, axis: null, scale: { domain: [0, 1], nice: false } };
  return themed({
    title,
    data: { values },
    facet: {
      column: { field: 'band', type: 'nominal', title: null, sort: [...names] },
      row: { field: 'token', type: 'nominal', title: null, header: { orient: 'left' } },
    },
    spacing: 8,
    spec: {
      width: 96,
      height: 96,
      mark: { type: 'rect', stroke: null },
      encoding: {
        x: { ...side, field: 'left' },
        x2: { field: 'right' },
        y: { ...side, field: 'top', scale: { domain: [1, 0], nice: false } },
        y2: { field: 'bottom' },
        color: { field: 'mask', type: 'quantitative', title: 'mask', scale: { scheme: 'viridis' }, legend: { labelColor: TEXT_COLOR, format: '.2f' } },
        tooltip: [{ field: 'mask', type: 'quantitative', format: '.3f' }],
      },
    },
  });
}
