/**
 * Nothing stale, nothing lost: `reproduce` on a folder of the user's, with tiny networks. A teacher
 * is taken only for what it was made from, finished work is moved aside and never deleted, and what
 * is recorded is what ran.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { lockFolder } from '../../lib/dist/core/run-lock';
import { readResult, readResults } from '../../lib/dist/runs/results';
import { temporary, writePictures } from '../distill/tiny';
import { reproduce, type Ended } from './command';

const root = join(__dirname, '../..');
let data: string;
let base: string;
before(async () => {
  data = await writePictures({ train: 16, val: 6 });
  base = temporary();
});

const tiny = ['teacher', 'student'].flatMap((role) => [
  `${role}.model.backbone.widths=[4,4,4,4]`,
  `${role}.model.backbone.stem.channels=4`,
  `${role}.model.neck.channels=16`,
  `${role}.model.head.channels=16`,
  `${role}.model.head.convs=1`,
  `${role}.batch=4`,
]);
const words = (out: string): string[] => [
  ...['--data', data, '--out', join(base, out), '--steps', '4', '--teacher-steps', '4', '--prompt-steps', '2'],
  ...['size.width=64', 'size.height=64', ...tiny].flatMap((set) => ['--set', set]),
];
async function run(out: string, ...more: string[]): Promise<Ended> {
  const ended = await reproduce(base, [...words(out), ...more]);
  return ended;
}

const shipped = (): string => {
  const hash = createHash('sha256');
  for (const name of readdirSync(join(root, 'data/teachers')).sort())
    hash.update(name).update(readFileSync(join(root, 'data/teachers', name)));
  return hash.digest('hex');
};

test('a plan first, a teacher for its data alone, earlier work moved aside, data/teachers left alone', async () => {
  const teachers = shipped();
  const first = await run('a', '--variants', 'student,released');
  assert.equal(first.status, 0, first.stderr);
  const plan = first.stdout.slice(first.stdout.indexOf('plan:'));
  assert.match(plan, /teacher: 4 steps of \d+ ms/);
  assert.match(plan, /stage 1, released: 2 steps of \d+ ms/);
  assert.match(plan, /student, released: 4 steps of \d+ ms/);
  assert.ok(first.stdout.indexOf('plan:') < first.stdout.indexOf('teacher: trained now, there is none yet'));
  const made = readResult(join(base, 'a/released-seed1.json'));
  const { prompt, data: recorded } = made.config as { prompt: { tuning: object }; data: Record<string, string> };
  assert.deepEqual(prompt.tuning, {
    ...{ lambda: 1, similarity: 'dice', pairs: 'distinct', steps: 2, learningRate: 0.01, weightDecay: 1e-3 },
  });
  assert.deepEqual(Object.keys(recorded), ['annotations', 'pictures']);

  const again = await run('a', '--variants', 'student');
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /teacher: taken from .*a\/teacher\.safetensors/);
  assert.match(again.stdout, /student-seed1: what was there before is now in (?!\/).*before-1/, 'a path from here');
  const kept = readResult(join(base, 'a/before-1/student-seed1.json'));
  assert.equal(kept.parameters, readResult(join(base, 'a/student-seed1.json')).parameters);
  assert.ok(existsSync(join(base, 'a/before-1/runs/student-seed1/log.jsonl')));
  assert.ok(existsSync(join(base, 'a/released-seed1.json')), 'another variant stays');

  const other = await run('a', '--variants', 'student', '--resume', '--steps', '5');
  assert.equal(other.status, 1);
  assert.match(other.stderr, /student-seed1\.json is of another configuration \(student\.steps is 4 there and 5 here\)/);

  const labels = join(data, 'annotations/instances_train.json');
  const text = readFileSync(labels, 'utf8');
  const corrected = JSON.parse(text) as { annotations: { bbox: number[]; area: number }[] };
  corrected.annotations[0].bbox[2] += 1;
  writeFileSync(labels, JSON.stringify(corrected));
  const refused = await run('a', '--variants', 'student', '--resume');
  assert.match(refused.stderr, /teacher\.json is another teacher's: data\.annotations is "[0-9a-f]+" there and "/);
  const retrained = await run('a', '--variants', 'student');
  assert.equal(retrained.status, 0, retrained.stderr);
  assert.match(retrained.stdout, /teacher: trained now, that of .* is another one: data\.annotations is/);
  assert.ok(existsSync(join(base, 'a/before-2/teacher.safetensors')));
  writeFileSync(labels, text);
  const settings = await run('a', '--variants', 'student', '--set', 'teacher.learningRate=0.001');
  assert.match(settings.stdout, /is another one: learningRate is 0\.002 there and 0\.001 here/);
  assert.equal(shipped(), teachers, 'data/teachers is written by --ship alone');
});

test('a folder in use is refused before any work, also with --resume; a broken result is left out', async () => {
  const done = await run('b', '--variants', 'student');
  assert.equal(done.status, 0, done.stderr);
  const lock = lockFolder(join(base, 'b'));
  for (const more of [[], ['--resume']]) {
    const second = await run('b', '--variants', 'student', ...more);
    assert.equal(second.status, 1);
    assert.match(second.stderr, new RegExp(`in use by a run \\(process ${process.pid} on `));
  }
  lock.release();
  writeFileSync(join(base, 'b/mse-seed1.json'), '{"half');
  const warnings: string[] = [];
  const listen = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', listen);
  assert.deepEqual(readResults(join(base, 'b')).map(({ variant }) => variant), ['student']);
  await new Promise(setImmediate);
  process.off('warning', listen);
  assert.match(warnings.join(), /mse-seed1\.json is not a result file/);
  const kept = await run('b', '--variants', 'student,mse', '--resume');
  assert.match(kept.stderr, /mse-seed1\.json is not a result file .*: remove it/);
  rmSync(join(base, 'b/mse-seed1.json'));
});
