import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { emojiScenes } from '../../lib/dist/experiments/experiment';
import { variants, variantTitles } from '../../lib/dist/runs/variants';
import { escapeHtml } from '../../lib/dist/view/html';
import { writeReport } from '../../lib/dist/view/report';
import { metrics, result, smallDataset, twoSeeds } from './fixture';

let data: Awaited<ReturnType<typeof smallDataset>>;
before(async () => {
  data = await smallDataset();
});
after(() => fs.rmSync(data.folder, { recursive: true }));

const experiment = { ...emojiScenes, title: 'made-up <data>' };

async function report(
  name: string,
  results: typeof twoSeeds,
  detections: Record<string, typeof data.detections>,
): Promise<string> {
  const out = path.join(data.folder, name);
  const file = await writeReport(out, {
    experiment,
    results,
    teacher: metrics(45),
    pictures: { dataset: data.dataset, detections },
  });
  assert.equal(file, path.join(out, 'report.html'));
  return fs.readFileSync(file, 'utf8');
}

test('the report is one file: no script, nothing loaded from elsewhere, text escaped', async () => {
  const page = await report('whole', twoSeeds, {
    teacher: data.detections,
    student: data.detections,
    freekd: data.detections,
  });
  const outside = page
    .replace(/xmlns(:xlink)?="[^"]*"/g, '')
    .match(/https?:\/\/|<script|<link|@import|url\(\s*['"]?(?!#)/g);
  assert.equal(outside, null);
  for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(source, /^(data:image\/|#)/);
  assert.ok(page.includes('<h1>FreeKD: made-up &lt;data&gt;</h1>'));
  assert.ok(page.includes('&lt;b&gt;&amp;') && !page.includes('<b>&'));
  assert.match(page, /prefers-color-scheme: dark/);
});

test(
  'it holds table, four charts, pictures of each detector, ' + 'configurations, machine, versions, commit and command',
  async () => {
    const page = await report('whole', twoSeeds, {
      teacher: data.detections,
      student: data.detections,
      freekd: data.detections,
    });
    for (const variant of ['student', 'freekd'] as const) {
      assert.ok(page.includes(`<th>${variantTitles[variant]}</th>`), 'a column of pictures');
      assert.ok(page.includes(`<summary>${variantTitles[variant]}</summary>`), 'its configuration');
      assert.ok(page.includes(`# ${variant}`), 'its command');
    }
    assert.equal(page.match(/<figure/g)?.length, 4);
    assert.equal(page.match(/<img/g)?.length, 2 * 4);
    const numbers = ['37.0 ± 1.4', '+6.50 ± 6.35', 'this could be chance'];
    for (const text of [...numbers, 'a processor', 'v20.0.0', '2.21.0', '0123456789ab'])
      assert.ok(page.includes(text), text);
  },
);

test('all variants, one seed, no detections of resumed runs', async () => {
  const page = await report(
    'resumed',
    variants.map((variant) => result(variant, 1, 30)),
    { teacher: data.detections, mse: [] },
  );
  for (const variant of variants) assert.ok(page.includes(escapeHtml(variantTitles[variant])), variant);
  assert.match(page, /Not drawn, because this session made no detections with them: student alone, feature MSE/);
  assert.match(page, /One seed has no interval/);
  assert.match(page, /minus feature MSE/);
  assert.ok(page.includes('>one seed<') && !page.includes('>gain<'));
  assert.equal(page.match(/<img/g)?.length, 2 * 2);
});

test('no results yet: the teacher alone', async () => {
  const page = await report('empty', [], { teacher: data.detections });
  assert.ok(page.includes('45.0') && !page.includes('<figure') && !page.includes('NaN'));
});
