/**
 * The charts of the course: complete specs, drawn without a warning, with the numbers they were
 * given.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import {
  bandMaps,
  bandNames,
  environmentFacts,
  filterChart,
  groupDots,
  lineChart,
  maskChart,
  methodDiagram,
  methodSvg,
  pairedDots,
  seedLines,
  softmaxChart,
  tf,
  toSvg,
  valueBars,
  wavedec2,
} from 'freekd';
import type { Tensor4D } from '../../lib/dist/tf';
import type { Chart } from '../../lib/dist/view/theme';
import { result } from './fixture';

async function drawn(chart: Chart): Promise<string> {
  const warnings: string[] = [];
  const svg = await toSvg(chart, (message) => warnings.push(message));
  assert.deepEqual(warnings, []);
  return svg;
}

test('filterChart: a menu of wavelets, the first one shown', async () => {
  const svg = await drawn(filterChart(['db2', 'haar']));
  const bars = svg.match(/aria-roledescription="bar"/g) ?? [];
  assert.equal(bars.length, 8, 'two filters of four numbers');
  assert.throws(() => filterChart(['db99']), /Unknown wavelet "db99"/);
});

test('filterChart: gain of Haar is sqrt(2) at one end and 0 at the other', () => {
  const chart = filterChart(['haar']) as unknown as {
    hconcat: { data: { values: { pass: string; share: number; gain: number }[] } }[];
  };
  const gains = chart.hconcat[1].data.values
    .filter(({ share }) => share === 0 || share === 1)
    .map(({ pass, share, gain }) => [pass, share, Number(gain.toFixed(3))]);
  assert.deepEqual(gains, [['low pass', 0, 1.414], ['low pass', 1, 0], ['high pass', 0, 0], ['high pass', 1, 1.414]]);
});

test('lineChart: a line a series in each panel; a series without a colour is named', async () => {
  const points = ['a', 'b'].flatMap((panel) =>
    ['one', 'two'].flatMap((series) => [0, 1, 2].map((x) => ({ series, panel, x, y: x + 1 }))),
  );
  const svg = await drawn(
    lineChart(points, { title: 'made up', x: 'step', y: 'value', colors: { one: '#3d8fd8', two: '#d9475f' } }),
  );
  assert.equal((svg.match(/aria-roledescription="line mark"/g) ?? []).length, 4);
  assert.throws(() => lineChart(points, { title: '', x: '', y: '', colors: { one: '#000' } }), /no colour for "two"/);
});

test('valueBars: one bar a value, sorted on demand', async () => {
  const chart = valueBars([1, 3, 2], {
    title: 'made up',
    x: 'channel',
    y: 'value',
    color: '#3d8fd8',
    sorted: true,
    reference: 1,
  });
  assert.deepEqual(
    (chart as unknown as { data: { values: { index: number }[] } }).data.values.map(({ index }) => index),
    [1, 2, 0],
  );
  assert.equal((await drawn(chart)).match(/aria-roledescription="bar"/g)?.length, 3);
});

/** Fill colours of the rectangles, row by row. */
const fills = (svg: string): string[] =>
  [...svg.matchAll(/aria-roledescription="rect mark"[^>]*fill="([^"]+)"/g)].map(([, fill]) => fill);
const parameter = (chart: Chart, name: string) =>
  (chart.params as { name: string; value: unknown; bind: { options?: unknown[] } }[]).find(
    (known) => known.name === name,
  );

test(
  'maskChart: a rectangle a position, band and token of the ' + 'picture chosen; equal masks have equal colours',
  async () => {
    const masks = [
      tf.tensor4d([0.1, 0.9, 0.9, 0.1], [2, 1, 1, 2]),
      tf.tensor4d([0.1, 0.9, 0.9, 0.1, 0.5, 0.5, 0.5, 0.5], [2, 2, 1, 2]),
    ] as Tensor4D[];
    const one = fills(await drawn(maskChart(masks, ['LL', 'H'])));
    assert.equal(one.length, 6);
    assert.equal(new Set(one).size, 2);
    const other = maskChart(masks, ['LL', 'H'], { images: [1, 0] });
    assert.deepEqual(parameter(other, 'picture')!.bind.options, [1, 0]);
    assert.equal(new Set(fills(await drawn(other))).size, 3, 'the second picture has masks of 0.1, 0.9 and 0.5');
    assert.throws(() => maskChart(masks, ['LL']), /2 masks and 1 names/);
  },
);

test('bandMaps: the map of the band and channel that it starts with, row by row', async () => {
  const x = tf.tidy(() => tf.range(0, 32).reshape([1, 4, 4, 2])) as Tensor4D;
  const bands = wavedec2(x, { wavelet: 'haar', mode: 'zero', level: 1 });
  const chart = bandMaps(bands, { title: 'made up', band: 'LL1', channel: 1 });
  assert.deepEqual(parameter(chart, 'band')!.bind.options, bandNames(1));
  const svg = await drawn(chart);
  const shown = [...svg.matchAll(/aria-label="[^"]*coefficient: ([\d.−-]+)/g)].map(([, value]) => Number(value));
  const expected = [...tf.tidy(() => bands.approximation.slice([0, 0, 0, 1], [1, 2, 2, 1]).dataSync())];
  assert.deepEqual(shown, expected);
});

test('softmaxChart: shares of one, at the division that the slider starts with', async () => {
  const svg = await drawn(softmaxChart([8, 0, 0], { title: 'made up', powers: 3, axis: 'channel' }));
  const shares = [...svg.matchAll(/aria-label="[^"]*share: ([\d.]+)%/g)].map(([, share]) => Number(share));
  const e = Math.E;
  assert.deepEqual(
    shares.map((share) => share.toFixed(1)),
    [(100 * e) / (e + 2), 100 / (e + 2), 100 / (e + 2)].map((share) => share.toFixed(1)),
  );
});

test('methodDiagram: every picture is in it, and it can be drawn', async () => {
  const names = ['picture', 'teacherMap', 'teacherBands', 'studentMap', 'studentBands', 'masks', 'difference'] as const;
  const colors = ['#ff0000', '#00ff00', '#0000ff', '#ffff00', '#ff00ff', '#00ffff', '#808080'];
  const tiles = await Promise.all(
    colors.map((background) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  );
  const pictures = Object.fromEntries(names.map((name, i) => [name, tiles[i]])) as Record<
    (typeof names)[number],
    Buffer
  >;
  assert.equal(methodSvg(pictures).match(/<image /g)?.length, names.length);
  const { data, info } = await sharp(await methodDiagram(pictures))
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const count = new Map<string, number>();
  for (let i = 0; i < data.length; i += info.channels) {
    const hex = `#${data.subarray(i, i + 3).toString('hex')}`;
    if (data[i + 3] === 255) count.set(hex, (count.get(hex) ?? 0) + 1);
  }
  for (const color of colors) assert.ok((count.get(color) ?? 0) > 40_000, `${color} is missing`);
});

test('environmentFacts: something is known of everything', () => {
  for (const { what, found } of environmentFacts()) assert.ok(found && found !== 'unknown', what);
});

test('groupDots: a tick a row, a dot a seed, the control in every group', async () => {
  const variations = [
    { group: 'levels', value: '1', standard: false, results: [1, 2, 3] },
    { group: 'levels', value: '3', standard: true, results: [3, 4] },
    { group: 'tokens', value: '2', standard: true, results: [3, 4] },
  ];
  const svg = await drawn(
    groupDots(variations, {
      title: 'made up',
      axis: 'AP (%)',
      color: '#d9475f',
      control: { name: 'control', value: 2.5 },
    }),
  );
  const count = (role: string): number => svg.match(new RegExp(`aria-roledescription="${role}"`, 'g'))?.length ?? 0;
  assert.deepEqual([count('tick'), count('point'), count('rule mark container')], [3, 7, 2]);
  assert.match(svg, /3 \(default\)/);
});

test('seedLines: a dot a run and one a mean, the control, and a menu of the metrics that all runs have', async () => {
  const values = [
    { value: '1', runs: [result('freekd', 1, 30), result('freekd', 2, 32)] },
    { value: '2 (default)', runs: [result('freekd', 1, 33), result('freekd', 2, 34)] },
  ];
  const chart = seedLines(values, {
    title: 'made up',
    axis: 'levels',
    control: { name: 'control', runs: [result('mse', 1, 29)] },
  });
  const svg = await drawn(chart);
  const count = (role: string): number => svg.match(new RegExp(`aria-roledescription="${role}"`, 'g'))?.length ?? 0;
  assert.deepEqual([count('point'), count('rule mark container')], [6, 1]);
  assert.match(svg, /aria-label="levels: 1; average precision \(%\): 31;/);
  const { params } = chart as unknown as { params: { bind: { options: string[] } }[] };
  assert.deepEqual(params[0].bind.options, ['AP', 'AP50', 'AP75', 'APm', 'APl'], 'the runs have no small objects');
});

test('pairedDots: a dot a seed, a tick and an interval a row; one seed has no interval', async () => {
  const pairs = [1, 2, 3].map((seed) => ({ seed, difference: seed - 1.5 }));
  const svg = await drawn(
    pairedDots(
      [
        { name: 'three', pairs },
        { name: 'one', pairs: pairs.slice(1, 2) },
      ],
      { title: 'made up', axis: 'difference (points)', color: '#d9475f' },
    ),
  );
  const count = (role: string): number => svg.match(new RegExp(`aria-roledescription="${role}"`, 'g'))?.length ?? 0;
  assert.deepEqual([count('point'), count('tick'), count('bar')], [4, 2, 1]);
});
