import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlCells, DIFFERENCE_NOTE } from '../../lib/dist/view/differences';
import { pairedTable } from '../../lib/dist/view/paired-table';
import { comparisonFrame, frameHtml } from '../../lib/dist/view/tables';
import { comparisonTable } from '../../lib/dist/view/text-table';
import { metrics, result, twoSeeds } from './fixture';

test('the terminal table with several seeds: mean and deviation, teacher first, "-" for what the data lacks', () => {
  assert.equal(
    comparisonTable(twoSeeds, metrics(45), 'made-up data'),
    `made-up data: COCO box AP in percent, mean ± deviation over seeds

| detector      | seeds |         AP |       AP50 |       AP75 | APs |        APm |        APl | ms/step |
| ------------- | ----: | ---------: | ---------: | ---------: | --: | ---------: | ---------: | ------: |
| teacher       |     - |       45.0 |       65.0 |       46.0 |   - |       48.0 |       60.0 |       - |
| student alone |     2 | 30.5 ± 0.7 | 50.5 ± 0.7 | 31.5 ± 0.7 |   - | 33.5 ± 0.7 | 45.5 ± 0.7 |     202 |
| FreeKD (both) |     2 | 37.0 ± 1.4 | 57.0 ± 1.4 | 38.0 ± 1.4 |   - | 40.0 ± 1.4 | 52.0 ± 1.4 |     202 |

${DIFFERENCE_NOTE}

| AP on equal seeds | minus student alone |  ahead | reading |
| ----------------- | ------------------: | -----: | ------: |
| FreeKD (both)     |        +6.50 ± 6.35 | 2 of 2 |    gain |`,
  );
});

test('the terminal table with one seed has no deviations, and with no result the teacher alone', () => {
  const table = comparisonTable([result('mse', 1, 33)], metrics(45), 'made-up data');
  assert.ok(!table.includes('±'));
  assert.match(table, /\| feature MSE \| +1 \| +33\.0 \|/);
  assert.equal(comparisonTable([], metrics(45), 'made-up data').split('\n').length, 5);
});

test('the paired table: a row a data set, differences seed by seed, "-" for a variant that was not run', () => {
  const other = [
    result('student', 1, 20),
    result('mse', 1, 30),
    result('mse', 2, 33),
    result('freekd', 2, 32),
    result('freekd', 1, 32),
  ].map((run) => ({ ...run, data: 'others', config: { student: { model: { kind: 'fcos' } } } }));
  assert.equal(
    pairedTable([twoSeeds, other], ['student', 'mse', 'freekd'], ['freekd', 'mse']),
`COCO box AP in percent, mean ± deviation over seeds. ${DIFFERENCE_NOTE}

| data         | teacher | student alone | feature MSE | FreeKD (both) | FreeKD (both) − feature MSE |  ahead |         reading |
| ------------ | ------: | ------------: | ----------: | ------------: | --------------------------: | -----: | --------------: |
| made-up data |    45.0 |    30.5 ± 0.7 |           - |    37.0 ± 1.4 |                           - |      - |               - |
| FCOS: others |    45.0 |          20.0 |  31.5 ± 2.1 |    32.0 ± 0.0 |               +0.50 ± 19.06 | 1 of 2 | could be chance |`
  );
});

test('the control is feature MSE, else the student alone; with one variant, or neither, nothing is compared', () => {
  const runs = [1, 2].flatMap((seed) => [result('freekd', seed, 30 - seed), result('mse', seed, 30)]);
  assert.deepEqual(controlCells(runs)!.rows, [['FreeKD (both)', '−1.50 ± 6.35', '0 of 2', 'could be chance']]);
  assert.deepEqual(controlCells([...runs.slice(0, 2), result('student', 1, 20)])!.rows, [
    ['student alone', '−10.00', '0 of 1', 'one seed'],
    ['FreeKD (both)', '−1.00', '0 of 1', 'one seed'],
  ]);
  const apart = [result('freekd', 1, 30), result('mse', 2, 30)];
  assert.deepEqual(controlCells(apart)!.rows, [['FreeKD (both)', '-', '-', '-']]);
  assert.equal(controlCells([result('mse', 1, 30)]), undefined);
  assert.equal(controlCells([result('fkd', 1, 30), result('freekd', 1, 30)]), undefined);
});

test('the comparison as a danfojs frame, and a frame as HTML', async () => {
  const frame = await comparisonFrame(twoSeeds, metrics(45));
  assert.deepEqual(frame['detector'].values, ['teacher', 'student alone', 'FreeKD (both)']);
  assert.deepEqual(frame['AP'].values, [45, 30.5, 37]);
  assert.deepEqual(frame['APs'].values, [NaN, NaN, NaN]);
  assert.deepEqual(frame['APs ±'].values, [NaN, NaN, NaN], 'no deviation where there is no value');
  const html = frameHtml(frame);
  assert.match(html, /<td style="text-align:left">FreeKD \(both\)<\/td>/);
  assert.match(html, /<td style="text-align:right">30\.5<\/td>/);
  assert.ok(!html.includes('NaN'));
});

test('frameHtml escapes text, says what it left out, writes missing values as "-"', () => {
  const html = frameHtml(
    {
      columns: ['a<b', 'x'],
      values: [
        ['<i>', 1.234],
        ['y', null],
        ['z', 3],
      ],
    },
    { digits: 2, limit: 2 },
  );
  assert.match(html, /a&lt;b/);
  assert.match(html, /&lt;i&gt;.*1\.23/);
  assert.match(html, />-</);
  assert.match(html, /1 more rows/);
});
