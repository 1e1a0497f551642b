/**
 * The published numbers are those of the sources, blanks stay blank, and what was measured stands
 * beside them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { experimentNames, experiments, measuredAP, publishedDots, readPublished, readResults, toSvg } from 'freekd';
import { temporary } from '../distill/tiny';

const root = join(__dirname, '../..');
const { rows, whole, segmentation, measure } = readPublished(root);

test(
  'six pairs, each with student, teacher and FreeKD; what was not ' +
    'published is null and nothing is below zero or above 100',
  () => {
    const table = rows.map(({ detector, student, teacher, freekd, others }) => [
      detector,
      student.AP,
      teacher.network,
      teacher.AP,
      freekd,
      others.MasKD,
      others.PKD,
      others.CanKD,
    ]);
    assert.deepEqual(table, [
      ['Faster R-CNN', 38.4, 'R101', 39.8, 40.8, 41.0, 40.3, 40.1],
      ['RetinaNet', 37.4, 'R101', 38.9, 39.9, 39.9, null, 39.7],
      ['FCOS', 38.5, 'R101', 40.8, 42.9, 42.9, null, 42.4],
      ['Faster R-CNN', 38.4, 'Cascade Mask X101', 45.6, 42.4, 42.7, null, 42.0],
      ['RetinaNet', 37.4, 'X101', 41.0, 41.0, 41.0, 40.8, 41.0],
      ['RepPoints', 38.6, 'X101-DCN', 44.2, 42.4, 42.5, 42.3, 42.4],
    ]);
    assert.deepEqual(
      whole.map(({ AP, AP50, AP75, APs, APm, APl }) => [AP, AP50, AP75, APs, APm, APl]),
      [
        [37.4, 56.7, 39.6, 20.0, 40.7, 49.7],
        [38.9, 58.0, 41.5, 21.0, 42.8, 52.4],
      ],
    );
    assert.deepEqual([segmentation[0].gain, segmentation[0].student, segmentation[0].freekd], [4.55, null, null]);
    assert.match(measure, /null/);
  },
);

test('every row has an experiment', () => {
  for (const { experiment } of rows) assert.ok(experiment !== null && experiment in experiments, `${experiment}`);
});

test('measured: the mean over seeds, or why there is no number; recorded runs come before local ones', () => {
  const folder = temporary();
  const [run] = readResults(join(root, 'data/results/emoji-scenes')).filter(({ variant }) => variant === 'freekd');
  const write = (where: string, seed: number, AP: number): void => {
    mkdirSync(join(folder, where), { recursive: true });
    writeFileSync(
      join(folder, where, `freekd-seed${seed}.json`),
      JSON.stringify({ ...run, seed, metrics: { ...run.metrics, AP } }),
    );
  };
  assert.equal(measuredAP(folder, null, 'freekd'), 'not implemented');
  assert.equal(measuredAP(folder, 'x', 'freekd'), 'not run');
  write('data/results/local/x', 1, 20);
  assert.equal(measuredAP(folder, 'x', 'freekd'), 20);
  write('data/results/x', 1, 30);
  write('data/results/x', 2, 32);
  assert.equal(measuredAP(folder, 'x', 'freekd'), 31);
  assert.equal(measuredAP(folder, 'x', 'student'), 'not run');
  assert.equal(measuredAP(folder, 'x', 'teacher'), run.teacher.AP);
});

for (const row of experimentNames.filter((name) => name.endsWith('-coco128')))
  test(`${row}, recorded: a run that was stopped and resumed ended with the weights of the other, losses fell`, () => {
    const [[whole], [resumed]] = [row, `${row}/resumed`].map((name) =>
      readResults(join(root, 'data/results/coco128', name)),
    );
    assert.equal(whole.experiment, row);
    assert.match(resumed.command, /--resume/);
    assert.doesNotMatch(whole.command, /--resume/);
    assert.match(whole.data, /random weights, not published ones/);
    assert.deepEqual(resumed.config, whole.config);
    assert.match(whole.parameters!, /^[0-9a-f]{64}$/);
    assert.equal(resumed.parameters, whole.parameters);
    assert.deepEqual(
      resumed.curve.map(({ losses }) => losses),
      whole.curve.map(({ losses }) => losses),
    );
    const mean = (from: number, to: number): number =>
      whole.curve.slice(from, to).reduce((sum, { losses }) => sum + losses.loss, 0) / (to - from);
    assert.ok(mean(24, 36) < mean(0, 12));
  });

test('the chart shows words where nothing was measured, and a diamond where something was', async () => {
  const unmeasured = { student: 'not run', teacher: 'not run', freekd: 'not run' } as const;
  const words = await toSvg(publishedDots(rows.map((row) => ({ ...row, measured: unmeasured }))));
  assert.equal(words.match(/>here: not run</g)?.length, rows.length);
  const half = publishedDots(
    rows.map((row, i) => ({ ...row, measured: i === 1 ? { student: 37.1, teacher: 38.9, freekd: 39.5 } : unmeasured })),
  );
  assert.equal((await toSvg(half)).match(/>here: not run</g)?.length, rows.length - 1);
  assert.ok(JSON.stringify(half).includes('39.5'));
});
