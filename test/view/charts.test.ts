import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { variants } from '../../lib/dist/runs/variants';
import { apBars, categoryDots, logTicks, lossCurves, sizeBars } from '../../lib/dist/view/charts';
import { svgToPng, toPng, toSvg } from '../../lib/dist/view/render';
import { textWidth } from '../../lib/dist/view/text-width';
import { detectorColors } from '../../lib/dist/view/theme';
import { metrics, result, twoSeeds } from './fixture';

const charts = {
  apBars: () => apBars(twoSeeds, metrics(45)),
  sizeBars: () => sizeBars(twoSeeds, metrics(45)),
  categoryDots: () => categoryDots(twoSeeds),
  lossCurves: () => lossCurves(twoSeeds),
  'apBars of one seed': () => apBars([result('student', 1, 30)], metrics(45)),
  'lossCurves of all variants': () => lossCurves(variants.map((variant) => result(variant, 1, 30))),
};

for (const [name, make] of Object.entries(charts)) {
  test(`${name}: renders without a warning, at its size, not blank, in the detector's colour`, async () => {
    const warnings: string[] = [];
    const svg = await toSvg(make(), (message) => warnings.push(message));
    assert.deepEqual(warnings, []);
    assert.ok(svg.includes(detectorColors.student));
    assert.ok(!svg.includes('NaN') && !svg.includes('undefined'));
    const [, width, height] = /width="([\d.]+)" height="([\d.]+)"/.exec(svg) as unknown as string[];
    const png = sharp(await svgToPng(svg, { scale: 2 }));
    const size = await png.metadata();
    assert.ok(Math.abs(size.width - 2 * Number(width)) <= 2 && Math.abs(size.height - 2 * Number(height)) <= 2);
    const { channels } = await png.stats();
    assert.ok(channels[0].stdev > 1 && channels[3].min === 0, 'a drawing on a transparent ground');
  });
}

test('a chart is plain JSON, so that a notebook can send it', () => {
  const chart = lossCurves(twoSeeds);
  assert.deepEqual(JSON.parse(JSON.stringify(chart)), chart);
});

test('sizes that the data does not have are left out', async () => {
  const svg = await toSvg(sizeBars(twoSeeds, metrics(45)));
  assert.ok(!svg.includes('small objects') && svg.includes('large objects'));
});

test('a background fills the picture', async () => {
  const corner = await sharp(await toPng(charts.apBars(), { background: '#ff0000', scale: 1 }))
    .extract({ left: 0, top: 0, width: 1, height: 1 })
    .raw()
    .toBuffer();
  assert.deepEqual([...corner], [255, 0, 0, 255]);
});

test('ticks of a logarithmic axis', () => {
  assert.deepEqual(logTicks(0.3, 1.7), [0.3, 0.4, 0.5, 0.7, 1, 1.5]);
  assert.deepEqual(logTicks(0.05, 20), [0.1, 1, 10]);
  assert.deepEqual(logTicks(1, 50), [1, 3, 10, 30]);
  assert.ok(logTicks(0.41, 0.52).length >= 2);
});

test('text widths: longer, larger and bolder texts are wider, capitals wider than dots', () => {
  assert.equal(textWidth('', 12), 0);
  assert.ok(textWidth('WWW', 12) > textWidth('...', 12));
  assert.ok(textWidth('abc', 12, true) > textWidth('abc', 12));
  assert.equal(textWidth('abc', 24), 2 * textWidth('abc', 12));
});
