/**
 * The corruptions of COCO-C against imagecorruptions (test/golden/corruptions.py): value for value,
 * and as distributions.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  corrupt,
  corruptionNames,
  SEVERITIES,
  type Corruption,
  type CorruptionName,
} from '../../lib/dist/coco/corruptions/corrupt';
import type { Picture } from '../../lib/dist/coco/image';
import { Random } from '../../lib/dist/core/random';
import { temporary } from './fixture';

const golden = JSON.parse(readFileSync(join(__dirname, '../golden/corruptions.json'), 'utf8')) as {
  names: string[];
  stride: number;
  seeds: number;
  pictures: Record<'even' | 'odd', { width: number; height: number; rgb: string }>;
  frost: Record<string, string>;
  values: Record<string, { mean: number; samples: string }>;
  statistics: Record<string, { mean: number[]; deviation: number[] }>;
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const pictures = Object.entries(golden.pictures).map(([key, { rgb, ...size }]) => ({
  key,
  picture: { ...size, data: bytes(rgb) },
}));

const frostFolder = join(temporary(), 'frost');
mkdirSync(frostFolder);
for (const [name, file] of Object.entries(golden.frost)) writeFileSync(join(frostFolder, name), bytes(file));

const meanOf = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

/**
 * Here the reference computes partly in float32, or sums in another order, so that what stands on
 * the edge between two grey levels may fall to the other side: one level, in at most 1 % of the
 * values. Everywhere else all bytes are equal, JPEG's included.
 */
const onTheEdge: readonly CorruptionName[] = ['motion_blur', 'zoom_blur', 'glass_blur', 'snow', 'elastic_transform'];

test('the names are those of the reference, in its order', () => assert.deepEqual(corruptionNames, golden.names));

for (const name of corruptionNames) {
  test(`${name} gives the values of the reference from the same random numbers`, async () => {
    for (const severity of SEVERITIES) {
      for (const { key, picture } of pictures) {
        const before = picture.data.slice();
        const { data, width, height } = await corrupt(
          picture,
          { name, severity, frostFolder },
          new Random(`${name}-${severity}`),
        );
        assert.deepEqual([width, height, data.length], [picture.width, picture.height, picture.data.length]);
        assert.deepEqual(picture.data, before, 'the original is left as it was');
        const { samples, mean } = golden.values[`${name}-${severity}-${key}`];
        const expected = bytes(samples);
        const found = data.filter((_, i) => i % golden.stride === 0);
        const where = `${name} ${severity} ${key}`;
        const meanApart = Math.abs(meanOf(data) - mean);
        if (onTheEdge.includes(name)) {
          const apart = expected.map((value, i) => Math.abs(value - found[i]));
          assert.ok(
            Math.max(...apart) <= 1 && meanOf(apart) <= 0.01,
            `${where}: up to ${Math.max(...apart)}, in ${meanOf(apart)}`,
          );
          assert.ok(meanApart < 0.002, `${where}: means are ${meanApart} apart`);
        } else {
          assert.deepEqual(new Uint8Array(found), expected, where);
          assert.ok(meanApart < 0.6e-4, `${where}: means are ${meanApart} apart`); // one level in one value is more
        }
      }
    }
  });
}

/**
 * What corruptions.py calls `statistics`: mean and deviation, deviation of the change, three
 * quantiles, autocorrelation of the change along x and y.
 */
function statistics(output: Picture, clean: Picture): number[] {
  const { width, height, data } = output;
  const deviation = (values: number[]): number =>
    Math.sqrt(Math.max(meanOf(values.map((value) => value * value)) - meanOf(values) ** 2, 0));
  const change = Array.from(data, (value, i) => value - clean.data[i]);
  const power = Math.max(meanOf(change.map((value) => value * value)), 1e-9);
  const along = (step: number, inside: (pixel: number) => boolean): number => {
    const products: number[] = [];
    for (let i = 0; i + step < change.length; i++)
      if (inside(Math.floor(i / 3))) products.push(change[i] * change[i + step]);
    return meanOf(products) / power;
  };
  const sorted = Float64Array.from(data).sort();
  const quantile = (share: number): number => {
    const position = share * (sorted.length - 1);
    const low = Math.floor(position);
    return sorted[low] + (position - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
  };
  return [
    meanOf(data), deviation([...data]), deviation(change), quantile(0.1), quantile(0.5), quantile(0.9),
    along(3, (pixel) => pixel % width < width - 1), along(3 * width, (pixel) => pixel < width * (height - 1)),
  ];
}

test('random corruptions are distributed as those of the reference under its own generator', async () => {
  const seeds = 24;
  const quantiles = [3, 4, 5]; // among the statistics
  const { picture } = pictures[1];
  for (const [key, { mean, deviation }] of Object.entries(golden.statistics)) {
    const [name, severity] = [key.slice(0, -2), Number(key.slice(-1))];
    const runs: number[][] = [];
    for (let seed = 0; seed < seeds; seed++)
      runs.push(
        statistics(
          await corrupt(
            picture,
            { name: name as CorruptionName, severity, frostFolder },
            new Random(`distribution-${seed}`),
          ),
          picture,
        ),
      );
    for (let s = 0; s < mean.length; s++) {
      const found = meanOf(runs.map((run) => run[s]));
      // Four standard errors of a difference of means, and the rounding of the file; quantiles are
      // whole levels that jump in single runs.
      const limit =
        4 * deviation[s] * Math.sqrt(1 / seeds + 1 / golden.seeds) +
        1e-4 * Math.max(1, Math.abs(mean[s])) +
        (quantiles.includes(s) ? 0.5 : 0);
      assert.ok(
        Math.abs(found - mean[s]) <= limit,
        `${key}, statistic ${s}: ${found}, the reference's ${mean[s]} +- ${deviation[s]}`,
      );
    }
  }
});

test(
  'without a folder frost lays our own panes over the picture, of ' + 'about the brightness of the photographs',
  async () => {
    const black = { width: 96, height: 96, data: new Uint8Array(96 * 96 * 3) };
    const means: number[] = [];
    for (let seed = 0; seed < 8; seed++) {
      const { data } = await corrupt(black, { name: 'frost', severity: 5 }, new Random(seed));
      assert.ok(new Set(data).size > 20, 'a pane has structure');
      means.push(meanOf(data));
    }
    assert.ok(Math.abs(meanOf(means) - 0.75 * 157) < 12, String(means));
    assert.ok(new Set(means).size === means.length, 'panes and parts differ with the seed');
    await assert.rejects(
      corrupt(black, { name: 'frost', severity: 1, frostFolder: join(frostFolder, 'none') }, new Random(1)),
      /there is no .*frost\d\.png or \.jpg/,
    );
  },
);

test('wrong names, severities and sizes are named', async () => {
  const [{ picture }] = pictures;
  const cases: [Corruption, Picture, RegExp][] = [
    [
      { name: 'rain' as CorruptionName, severity: 1 },
      picture,
      /there is no corruption "rain"; there are gaussian_noise, shot_noise/,
    ],
    [{ name: 'fog', severity: 6 }, picture, /severity of fog should be a whole number from 1 to 5, is 6/],
    [{ name: 'fog', severity: 1.5 }, picture, /is 1\.5/],
    [
      { name: 'fog', severity: 1 },
      { width: 31, height: 40, data: new Uint8Array(31 * 40 * 3) },
      /32 x 32 pixels or more, not for 31 x 40/,
    ],
  ];
  for (const [corruption, wrong, message] of cases)
    await assert.rejects(corrupt(wrong, corruption, new Random(1)), message);
});
