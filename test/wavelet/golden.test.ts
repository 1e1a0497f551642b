/**
 * The transform against PyWavelets (every wavelet in every mode) and, for Haar, pytorch_wavelets
 * with its gradient.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tf, type Scalar } from '../../lib/dist/tf';
import type { WaveletMode } from '../../lib/dist/wavelet/boundary';
import { wavelets } from '../../lib/dist/wavelet/filter-bank';
import { wavedec2, waverec2 } from '../../lib/dist/wavelet/transform';
import { bandsOf, decompositionOf, hashed, projection } from './hashed';

interface ProjectedCase {
  wavelet: string;
  mode: WaveletMode;
  size: [number, number];
  level: number;
  seed: number;
  largest: number;
  projections: number[];
  inverse: { size: [number, number]; largest: number; projection: number };
}

interface DirectCase {
  wavelet: string;
  mode: WaveletMode;
  size: [number, number];
  level: number;
  bands: number[][][];
}

interface HaarCase {
  shape: [number, number, number, number];
  seed: number;
  loss: number;
  projections: number[];
  gradient: number[];
  gradientProjection: number;
}

function read<T>(name: string): T[] {
  return (JSON.parse(readFileSync(join(__dirname, '..', 'golden', name), 'utf8')) as { cases: T[] }).cases;
}

const cases = read<ProjectedCase | DirectCase>('wavelet.json');

/**
 * Equal but for `tolerance` times `largest`, the errors of `count` numbers adding up as random ones
 * do.
 */
function close(
  actual: number,
  expected: number,
  largest: number,
  count: number,
  label: string,
  tolerance = 1e-6,
): void {
  const error = Math.abs(actual - expected) / (largest * Math.sqrt(count));
  assert.ok(error < tolerance, `${label}: ${actual}, expected ${expected}, relative error ${error.toExponential(1)}`);
}

test('all wavelets in all modes have PyWavelets\' coefficients and reconstructions', () => {
  const seen = new Set<string>();
  for (const golden of cases) {
    if (!('projections' in golden)) continue;
    const { wavelet, mode, size, level, seed } = golden;
    seen.add(`${wavelet} ${mode}`);
    tf.tidy(() => {
      const label = `${wavelet}, ${mode}, ${size.join('x')}, level ${level}`;
      const bands = bandsOf(wavedec2(hashed([2, ...size, 2], seed), { wavelet, mode, level }));
      assert.equal(bands.length, golden.projections.length);
      bands.forEach((band, i) =>
        close(projection(band, 100 + i), golden.projections[i], golden.largest, band.size, `${label}, band ${i}`),
      );

      const inverse = waverec2(decompositionOf(bands.map((band, i) => hashed(band.shape, 200 + i))), { wavelet, mode });
      assert.deepEqual(inverse.shape, [2, ...golden.inverse.size, 2], label);
      close(
        projection(inverse, 100),
        golden.inverse.projection,
        golden.inverse.largest,
        inverse.size,
        `${label}, inverse`,
      );
    });
  }
  assert.equal(seen.size, wavelets().length * 9);
});

test('small pictures have PyWavelets\' coefficients, number by number', () => {
  for (const golden of cases) {
    if (!('bands' in golden)) continue;
    const { wavelet, mode, size, level } = golden;
    tf.tidy(() => {
      const bands = bandsOf(wavedec2(hashed([1, ...size, 1], 7), { wavelet, mode, level }));
      const largest = Math.max(...golden.bands.flat(2).map(Math.abs));
      bands.forEach((band, i) => {
        const expected = golden.bands[i];
        assert.deepEqual(band.shape, [1, expected.length, expected[0].length, 1]);
        const values = band.dataSync();
        expected.flat().forEach((value, k) => close(values[k], value, largest, 1, `${wavelet}, ${mode}, band ${i}`));
      });
    });
  }
});

test('three Haar levels with zero padding equal pytorch_wavelets, gradient of the absolute sum included', () => {
  for (const { shape, seed, loss, projections, gradient, gradientProjection } of read<HaarCase>('wavelet_haar.json')) {
    tf.tidy(() => {
      const x = hashed(shape, seed);
      const transform = (): ReturnType<typeof bandsOf> =>
        bandsOf(wavedec2(x, { wavelet: 'haar', mode: 'zero', level: 3 }));
      transform().forEach((band, i) =>
        close(projection(band, 100 + i), projections[i], 1, band.size, `band ${i} of [${shape.join(', ')}]`),
      );
      const { value, grad } = tf.valueAndGrad(() => tf.addN(transform().map((band) => band.abs().sum())) as Scalar)(x);
      close(value.dataSync()[0], loss, loss, 1, 'loss');
      const values = grad.dataSync();
      gradient.forEach((expected, i) =>
        close(values[i], expected, 1, 1, `gradient ${i} of [${shape.join(', ')}]`, 5e-6),
      );
      close(projection(grad.reshape(shape), 100), gradientProjection, 1, x.size, 'gradient');
    });
  }
});
