/**
 * `reproduce --loss`: a file of the user's own from the command line to results, tables and report;
 * and `session.student` with a loss of a cell.
 */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { readResult, readResults } from '../../lib/dist/runs/results';
import type { Distillation } from '../../lib/dist/distill/imitations/index';
import { readSafetensors } from '../../lib/dist/weights/safetensors';
import { temporary, writePictures } from '../distill/tiny';
import { bySetup, reproduce, type Ended } from './command';

let data: string;
let base: string;
before(async () => {
  data = await writePictures({ train: 8, val: 4 });
  base = temporary();
  copyFileSync(join(__dirname, 'cosine.ts'), join(base, 'cosine.ts'));
});

const tiny = ['teacher', 'student'].flatMap((role) => [
  `${role}.model.backbone.widths=[4,4,4,4]`,
  `${role}.model.backbone.stem.channels=4`,
  `${role}.model.neck.channels=16`,
  `${role}.model.head.channels=16`,
  `${role}.model.head.convs=1`,
  `${role}.batch=4`,
]);
const run = (...more: string[]): Promise<Ended> =>
  reproduce(
    base,
    [
      ...['--data', data, '--out', 'out', '--steps', '4', '--teacher-steps', '4', '--prompt-steps', '2'],
      ...['size.width=64', 'size.height=64', ...tiny].flatMap((set) => ['--set', set]),
      ...more,
    ],
    undefined,
    bySetup,
  );

test('a loss file stands beside the variants from plan to report, and is another one where it changed', async () => {
  const first = await run('--variants', 'mse,cwd,pkd,mgd,maskd', '--loss', 'cosine.ts');
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /stage 1, maskd: 2 steps of \d+ ms/);
  assert.match(first.stdout, /student, cosine: 4 steps of \d+ ms/);
  for (const title of ['feature MSE', 'CWD', 'PKD', 'MGD', 'MasKD', 'cosine of features'])
    assert.match(first.stdout, new RegExp(`\\| ${title} +\\| +1 \\|`), title);
  const result = readResult(join(base, 'out/cosine-seed1.json'));
  const { distillation } = result.config as { distillation: Distillation };
  assert.deepEqual(Object.keys(distillation), ['own']);
  assert.match(distillation.own!.text, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual([result.variant, result.look?.title], ['cosine', 'cosine of features']);
  assert.ok(result.curve.every(({ losses }) => losses.cosine > 0));
  const results = readResults(join(base, 'out'));
  assert.deepEqual(
    results.map(({ variant }) => variant),
    ['mse', 'cwd', 'pkd', 'mgd', 'maskd', 'cosine'],
  );
  assert.equal(results[0].look, undefined);
  const tensors = (name: string): Promise<string[]> =>
    readSafetensors(join(base, `out/${name}-seed1.safetensors`)).then((stored) => [...stored.keys()]);
  const [own, generators] = [await tensors('cosine'), await tensors('mgd')];
  assert.deepEqual(own, generators, 'phi and generators are no part of a student');
  assert.ok(own.every((name) => /^(backbone|neck|bbox_head)\./.test(name)), own.join());
  const page = readFileSync(join(base, 'out/report.html'), 'utf8');
  assert.ok(page.includes('<summary>cosine of features</summary>'), 'its configuration');
  assert.ok(page.includes(result.look!.color), 'its colour in charts');

  const kept = await run('--variants', 'mse', '--loss', 'cosine.ts', '--resume');
  assert.equal(kept.status, 0, kept.stderr);
  assert.match(kept.stdout, /cosine, seed 1: .* AP, kept from/);
  writeFileSync(join(base, 'cosine.ts'), `${readFileSync(join(base, 'cosine.ts'), 'utf8')}\n`);
  const refused = await run('--variants', 'mse', '--loss', 'cosine.ts', '--resume');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /cosine-seed1\.json is of another configuration \(distillation\.own\.text is "sha256:/);
});

test('losses that cannot be run are refused before any work', async () => {
  writeFileSync(join(base, 'same.js'), 'module.exports = { name: "cosine", imitations: { mse: 1 } };');
  const cases: [string[], RegExp][] = [
    [['--loss', 'none.ts'], /error: --loss none\.ts: there is no file .*none\.ts$/m],
    [['--loss', ''], /path, which may not be empty/],
    [['--loss', 'cosine.ts', '--loss', 'same.js'], /error: --loss: two files have the name "cosine"$/m],
  ];
  for (const [words, message] of cases) {
    const { status, stderr, stdout } = await run(...words);
    assert.equal(status, 1, words.join(' '));
    assert.match(stderr, message);
    assert.doesNotMatch(stdout, /plan:/);
  }
});

test('README.md shows a loss file that runs', () => {
  const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
  assert.ok(readme.includes(readFileSync(join(__dirname, 'cosine.ts'), 'utf8').trim()));
});
