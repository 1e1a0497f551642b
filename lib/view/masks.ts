/**
 * Masks of a semantic frequency prompt as a chart: where in the picture, and in which band, each
 * token looks.
 */
import type { Tensor4D } from '../tf';
import { corners, mapRow, unfold } from './cells';
import { TEXT_COLOR, themed, type Chart } from './theme';

/**
 * A grid of heat maps, a column a band and a row a token. A slider hides positions whose mask is
 * below a threshold; with several pictures, a menu chooses one. Colours are stretched to the range
 * that occurs in all of them.
 * @param masks one [N, H_b, W_b, T] a band with values in [0, 1], as `FrequencyPrompt.masks` gives
 * @param names of the bands, as `bandNames` gives
 * @param options.images which of the N pictures, default the first; the chart starts with the first
 *   of them
 */
export function maskChart(
  masks: readonly Tensor4D[],
  names: readonly string[],
  { images = [0], title = 'Masks' }: { images?: readonly number[]; title?: string } = {},
): Chart {
  if (masks.length !== names.length)
    throw new Error(`maskChart: there are ${masks.length} masks and ${names.length} names`);
  const values = masks.flatMap((mask, band) => {
    const all = mask.dataSync();
    const tokens = Array.from({ length: mask.shape[3] }, (_, token) => token);
    return images.flatMap((image) =>
      tokens.map((token) => ({
        picture: image,
        band: names[band],
        token: `token ${token + 1}`,
        ...mapRow(mask, all, image, token),
      })),
    );
  });
  const all = values.flatMap(({ numbers }) => numbers.split(' ').map(Number));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const threshold = {
    name: 'threshold',
    value: 0,
    bind: { input: 'range' as const, min: 0, max: 1, step: 0.01, name: 'hide masks below ' },
  };
  const picture = {
    name: 'picture',
    value: images[0],
    bind: { input: 'select' as const, options: [...images], name: 'picture ' },
  };
  const keys = ['picture', 'band', 'token'];
  return themed({
    title,
    params: images.length > 1 ? [picture, threshold] : [threshold],
    data: { values },
    transform: [
      ...(images.length > 1 ? [{ filter: 'datum.picture == picture' }] : []),
      ...unfold(keys),
      { filter: 'datum.value >= threshold' },
    ],
    facet: {
      column: { field: 'band', type: 'nominal', title: null, sort: [...names] },
      row: { field: 'token', type: 'nominal', title: null, header: { orient: 'left' } },
    },
    spacing: 8,
    spec: {
      width: 78, // ten bands and the legend beside JupyterLab's file browser on 1400 pixels
      height: 78,
      mark: { type: 'rect', stroke: null },
      encoding: {
        ...corners,
        color: {
          field: 'value',
          type: 'quantitative',
          title: 'mask',
          scale: { scheme: 'viridis', domain: [low, high] },
          legend: { labelColor: TEXT_COLOR, format: '.2f' },
        },
        tooltip: [{ field: 'value', type: 'quantitative', format: '.3f', title: 'mask' }],
      },
    },
  });
}
