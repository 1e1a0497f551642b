/** Maps of values as pictures, mosaics of bands, band energies and their chart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { bandBars, bandEnergies, bandMosaic, bandNames, heatPicture, spotlight, tf, toSvg, wavedec2 } from 'freekd';
import type { Tensor4D } from '../../lib/dist/tf';

async function pixelsOf(
  png: Buffer,
): Promise<{ at: (x: number, y: number) => number[]; width: number; height: number }> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return {
    at: (x, y) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)],
    width: info.width,
    height: info.height,
  };
}

test('heatPicture: each value a square in its colour, dark to light, blue over white to red', async () => {
  const map = tf.tensor2d([[0, 1], [2, 3]]);
  const grey = await pixelsOf(await heatPicture(map, { width: 40, scheme: 'greys' }));
  assert.deepEqual([grey.width, grey.height], [40, 40]);
  const levels = [grey.at(5, 5), grey.at(35, 5), grey.at(5, 35), grey.at(35, 35)].map(([r]) => r);
  assert.deepEqual([...levels].sort((a, b) => a - b), levels, 'more is lighter');
  assert.deepEqual(grey.at(15, 5), grey.at(5, 15), 'squares are sharp');
  const around = await pixelsOf(
    await heatPicture(tf.tensor4d([-2, 0, 1, 2], [1, 2, 2, 1]), { width: 40, scheme: 'redblue' }),
  );
  const [blue, white, , red] = [around.at(5, 5), around.at(35, 5), around.at(5, 35), around.at(35, 35)];
  assert.ok(blue[2] > blue[0] + 50 && red[0] > red[2] + 50 && Math.min(...white) > 230);
});

test('a frame tells values and axes and leaves the picture as it is; the bar of a mosaic is of all bands', async () => {
  const map = tf.tensor2d([[-2, 0], [1, 2]]);
  const options = { width: 60, scheme: 'redblue' } as const;
  const plain = await pixelsOf(await heatPicture(map, options));
  const frame = await pixelsOf(await heatPicture(map, { ...options, bar: true, rows: 'from', columns: 'to' }));
  assert.deepEqual([frame.width - plain.width, frame.height - plain.height], [15, 15 + 8 + 6 + 15]);
  for (const [x, y] of [[5, 5], [55, 5], [5, 55], [55, 55]]) assert.deepEqual(frame.at(x + 15, y), plain.at(x, y));
  const bar = 60 + 15 + 8; // its row
  const near = (a: number[], b: number[]): boolean => a.every((value, i) => Math.abs(value - b[i]) < 20);
  assert.ok(near(frame.at(15, bar), plain.at(5, 5)) && near(frame.at(74, bar), plain.at(55, 55)), 'from first to last');
  const bands = wavedec2(tf.ones([1, 8, 8, 1]), { wavelet: 'haar', mode: 'zero', level: 1 });
  const mosaic = await pixelsOf(await bandMosaic(bands, { width: 40, scheme: 'magma', bar: true }));
  assert.deepEqual([mosaic.width, mosaic.height], [40, 40 + 8 + 6 + 15]);
});

test('heatPicture: one value all over is no division by zero, and a map of many channels is an error', async () => {
  const flat = await pixelsOf(await heatPicture(tf.fill([2, 3], 7), { width: 30 }));
  assert.deepEqual(flat.at(2, 2), flat.at(28, 18));
  await assert.rejects(heatPicture(tf.zeros([1, 2, 2, 3])), /shows \[H, W\] or \[1, H, W, 1\], not \[1,2,2,3\]/);
});

test('spotlight: the picture shows where the map is high', async () => {
  const picture = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 3).fill(200) };
  const { at, width, height } = await pixelsOf(await spotlight(picture, tf.tensor2d([[0, 1]]), { width: 64 }));
  assert.deepEqual([width, height], [64, 64]);
  assert.ok(at(10, 30)[0] < 60 && at(50, 30)[0] > 190);
});

test('bandMosaic: H right of LL, V below it, D across', async () => {
  // Rows that alternate have horizontal detail only; columns vertical; a chequerboard diagonal.
  const waves: [string, (x: number, y: number) => number, [number, number]][] = [
    ['H', (_, y) => (y % 2 ? -1 : 1), [96, 32]],
    ['V', (x) => (x % 2 ? -1 : 1), [32, 96]],
    ['D', (x, y) => ((x + y) % 2 ? -1 : 1), [96, 96]],
  ];
  for (const [name, wave, place] of waves) {
    const values = Array.from({ length: 64 }, (_, i) => wave(i % 8, Math.floor(i / 8)));
    const decomposition = wavedec2(tf.tensor4d(values, [1, 8, 8, 1]), { wavelet: 'haar', mode: 'zero', level: 1 });
    const { at } = await pixelsOf(await bandMosaic(decomposition, { width: 128 }));
    const saturated = [[96, 32], [32, 96], [96, 96]].filter(([x, y]) => {
      const color = at(x, y);
      return Math.max(...color) - Math.min(...color) > 60;
    });
    assert.deepEqual(saturated, [place], name);
  }
});

test('bandEnergies: shares that sum to 1, Parseval for an orthogonal wavelet', () => {
  const x = tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 5) as Tensor4D;
  const decomposition = wavedec2(x, { wavelet: 'haar', mode: 'zero', level: 2 });
  const shares = bandEnergies(decomposition);
  assert.equal(shares.length, 7);
  assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-6);
  const total = x.square().sum().dataSync()[0];
  assert.ok(Math.abs(shares[0] - decomposition.approximation.square().sum().dataSync()[0] / total) < 1e-5);
  assert.deepEqual(
    bandEnergies(wavedec2(tf.zeros([1, 4, 4, 1]), { wavelet: 'haar', mode: 'zero', level: 1 })),
    [0, 0, 0, 0],
  );
});

test('bandBars: bars or, on a logarithmic axis, dots; drawn without a warning; wrong lengths are named', async () => {
  const series = [
    { name: 'one', values: [4, 3, 2, 1], color: '#3d8fd8' },
    { name: 'two', values: [1, 2, 3, 0], color: '#d9475f' },
  ];
  for (const log of [false, true]) {
    const warnings: string[] = [];
    const svg = await toSvg(bandBars(bandNames(1), series, { title: 'made up', axis: 'value', log }), (message) =>
      warnings.push(message),
    );
    assert.deepEqual(warnings, []);
    assert.match(svg, /made up/);
    assert.ok(['LL1', 'H1', 'V1', 'D1'].every((name) => svg.includes(`>${name}<`)));
  }
  assert.throws(
    () => bandBars(bandNames(1), [{ ...series[0], values: [1] }], { title: '', axis: '' }),
    /"one" has 1 values for 4 bands/,
  );
});
