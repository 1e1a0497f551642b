/**
 * Detectors under corruptions, through `reproduce`: what was measured is kept, what is missing is
 * added, other pictures are measured anew.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { corruptionFile, readAllCorruptions, readCorruptions } from '../../lib/dist/runs/corruption-results';
import { corruptionTables } from '../../lib/dist/view/corruptions';
import { reproduce } from './command';

const folder = mkdtempSync(join(tmpdir(), 'freekd-corruptions-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const out = join(folder, 'out');
const command = (...words: string[]): ReturnType<typeof reproduce> =>
  reproduce(folder, [
    '--smoke',
    '--steps',
    '8',
    '--variants',
    'student',
    '--resume',
    '--out',
    'out',
    '--pictures',
    '20',
    ...words,
  ]);

test(
  'teacher and student are measured under what is asked for; a second ' + 'run adds what is missing and keeps the rest',
  async () => {
    const first = await command('--corruptions', 'contrast', '--severities', '1,5');
    assert.equal(first.status, 0, first.stderr);
    const [teacher, student, ...others] = readAllCorruptions(out);
    assert.deepEqual([teacher.detector, student.detector, student.seed, others.length], ['teacher', 'student', 1, 0]);
    assert.deepEqual([teacher.pictures, teacher.frost, teacher.measured.length], [20, 'own panes', 2]);
    const [light, heavy] = teacher.measured.map(({ AP }) => AP);
    assert.ok(teacher.clean > 40 && light < teacher.clean && heavy < light / 2, `${teacher.clean}, ${light}, ${heavy}`);
    assert.match(first.stdout, /20 pictures, 1 of 15 corruptions, severities 1, 5 only/);
    assert.match(first.stdout, /\| contrast +\|/);
    assert.ok(statSync(join(out, 'corruptions', 'corruptions.png')).size > 10_000);

    // A measurement that is there is not made again: a marked one stays.
    const marked = { ...teacher, measured: [{ name: 'contrast', severity: 1, AP: 12.3 }] };
    writeFileSync(corruptionFile(out, 'teacher'), JSON.stringify(marked));
    const second = await command('--corruptions', 'contrast', '--severities', '1,5');
    assert.equal(second.status, 0, second.stderr);
    assert.deepEqual(
      readCorruptions(corruptionFile(out, 'teacher'))?.measured,
      [marked.measured[0], { name: 'contrast', severity: 5, AP: heavy }],
      'the same value again from the same seed',
    );
    assert.deepEqual(readCorruptions(corruptionFile(out, 'student', 1)), student);

    const other = await command('--corruptions', 'contrast', '--severities', '1', '--pictures', '10');
    assert.equal(other.status, 0, other.stderr);
    const again = readCorruptions(corruptionFile(out, 'teacher'));
    assert.deepEqual([again?.pictures, again?.measured.length], [10, 1], 'other pictures: measured anew');
    assert.notEqual(again?.measured[0].AP, 12.3);
  },
);

test('tables say what was measured, and a file that is no result is named', () => {
  const [result] = readAllCorruptions(out);
  const full = corruptionTables([
    {
      ...result,
      clean: 50,
      measured: [1, 2, 3, 4, 5].map((severity) => ({ name: 'frost' as const, severity, AP: 30 - severity })),
    },
  ]);
  assert.match(full, /1 of 15 corruptions, all 5 severities; frost is of our own panes/);
  assert.match(full, /\| teacher +\| +50\.0 \| 27\.0 \| +54\.0 \|/);
  const file = join(folder, 'broken.json');
  writeFileSync(file, '{"detector": "teacher"}');
  assert.throws(
    () => readCorruptions(file),
    /broken\.json is not a result under corruptions \(format: is missing\)/,
  );
  assert.equal(readCorruptions(join(folder, 'none.json')), undefined);
});
