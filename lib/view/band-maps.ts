/**
 * The bands of a wavelet decomposition to leaf through: one heat map, a menu of bands, a slider of
 * channels.
 */
import { bandNames } from '../freekd/bands';
import type { Tensor4D } from '../tf';
import { coefficients, type WaveletDecomposition } from '../wavelet/transform';
import { corners, mapRow, unfold } from './cells';
import { themed, type Chart } from './theme';

/**
 * Red is above 0, blue below, and white is 0, relative to the largest coefficient of the map shown.
 * Values are written into the chart, so choose a map of few positions.
 * @param decomposition of [N, H, W, C]
 * @param options.image which of the N pictures, default 0; options.band and options.channel to
 *   start with
 */
export function bandMaps(
  decomposition: WaveletDecomposition,
  { title, image = 0, band, channel = 0 }: { title: string; image?: number; band?: string; channel?: number },
): Chart {
  const bands: Tensor4D[] = coefficients(decomposition);
  const names = bandNames(decomposition.details.length);
  const channels = bands[0].shape[3];
  const values = bands.flatMap((map, b) => {
    const all = map.dataSync();
    return Array.from({ length: channels }, (_, c) => ({ band: names[b], channel: c, ...mapRow(map, all, image, c) }));
  });
  return themed({
    title,
    params: [
      { name: 'band', value: band ?? names[0], bind: { input: 'select', options: [...names], name: 'band ' } },
      {
        name: 'channel',
        value: channel,
        bind: { input: 'range', min: 0, max: channels - 1, step: 1, name: 'channel ' },
      },
    ],
    data: { values },
    transform: [
      { filter: 'datum.band == band && datum.channel == channel' },
      ...unfold(['band', 'channel']),
      { calculate: 'abs(datum.value)', as: 'size' },
      { joinaggregate: [{ op: 'max', field: 'size', as: 'largest' }] },
      { calculate: 'datum.largest > 0 ? datum.value / datum.largest : 0', as: 'share' },
    ],
    width: 280,
    height: 280,
    mark: { type: 'rect', stroke: null },
    encoding: {
      ...corners,
      color: {
        field: 'share',
        type: 'quantitative',
        title: ['relative to', 'the largest'],
        scale: { scheme: 'redblue', domain: [-1, 1], reverse: true },
      },
      tooltip: [{ field: 'value', type: 'quantitative', format: '.3f', title: 'coefficient' }],
    },
  });
}
