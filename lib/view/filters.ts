/** The filters of wavelets: their numbers, and which frequencies they let through. */
import { filterBank } from '../wavelet/filter-bank';
import { detectorColors, FILLED_SYMBOL, lookAt, seriesChannels, themed, type Chart } from './theme';

const POINTS = 65; // of a frequency response

/** |sum_k f_k e^(-i w k)| of a filter at w = pi share. */
function response(filter: readonly number[], share: number): number {
  let [real, imaginary] = [0, 0];
  filter.forEach((value, k) => {
    real += value * Math.cos(Math.PI * share * k);
    imaginary -= value * Math.sin(Math.PI * share * k);
  });
  return Math.hypot(real, imaginary);
}

/**
 * Low-pass and high-pass analysis filter of a wavelet that a menu chooses: coefficients on the
 * left, frequency response on the right.
 * @param names of `wavelets()`; the first is shown at the start
 */
export function filterChart(names: readonly string[], title = 'Analysis filters of a wavelet'): Chart {
  const passes = (name: string): [string, readonly number[]][] => {
    const { low, high } = filterBank(name).analysis;
    return [['low pass', low], ['high pass', high]];
  };
  const each = <Row,>(rows: (filter: readonly number[]) => Row[]): (Row & { wavelet: string; pass: string })[] =>
    names.flatMap((wavelet) =>
      passes(wavelet).flatMap(([pass, filter]) => rows(filter).map((row) => ({ ...row, wavelet, pass }))),
    );
  const round = (value: number): number => Number(value.toPrecision(5));
  const coefficients = each((filter) => filter.map((value, k) => ({ k, value: round(value) })));
  const responses = each((filter) =>
    Array.from({ length: POINTS }, (_, i) => ({
      share: i / (POINTS - 1),
      gain: round(response(filter, i / (POINTS - 1))),
    })),
  );
  const { color, strokeDash } = seriesChannels(
    'pass',
    ['low pass', 'high pass'],
    [lookAt(0, detectorColors.mse), lookAt(1, detectorColors.freekd)],
    { legend: { orient: 'top', ...FILLED_SYMBOL } } as const,
  );
  const filter = { filter: 'datum.wavelet === wavelet' };
  return themed({
    title,
    params: [{ name: 'wavelet', value: names[0], bind: { input: 'select', options: [...names], name: 'wavelet ' } }],
    hconcat: [
      {
        data: { values: coefficients },
        transform: [filter],
        width: 300,
        height: 180,
        mark: { type: 'bar', tooltip: true },
        encoding: {
          x: { field: 'k', type: 'ordinal', title: 'tap', axis: { labelAngle: 0, labelOverlap: true } },
          xOffset: { field: 'pass', sort: ['low pass', 'high pass'] },
          y: { field: 'value', type: 'quantitative', title: 'coefficient' },
          color,
        },
      },
      {
        data: { values: responses },
        transform: [filter],
        width: 300,
        height: 180,
        mark: { type: 'line', strokeWidth: 2.2 },
        encoding: {
          x: {
            field: 'share',
            type: 'quantitative',
            title: 'frequency (1: every second pixel, the highest)',
            axis: { tickCount: 5, grid: false },
          },
          y: { field: 'gain', type: 'quantitative', title: 'gain' },
          color,
          strokeDash,
        },
      },
    ],
    spacing: 50,
  });
}
