/** `reproduce --league`: tuning, fresh seeds and table from the command line; it goes on where it was stopped. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Distillation } from '../../lib/dist/distill/imitations/index';
import { emojiScenes } from '../../lib/dist/experiments/experiment';
import {
  bestFactor, leagueLosses, leagueProtocol, scaledRow, scaledWeights, trialsOf,
} from '../../lib/dist/experiments/league';
import { readResult } from '../../lib/dist/runs/results';
import { variantRow } from '../../lib/dist/runs/variants';
import { temporary } from '../distill/tiny';
import { result } from '../view/fixture';
import { reproduce, type Ended } from './command';

test('every weight of every loss is tuned by the same factors, and nothing else of it', () => {
  const { weights } = emojiScenes;
  assert.deepEqual(scaledWeights(weights, 1), weights);
  const tripled = scaledWeights(weights, 3);
  assert.deepEqual(
    [tripled.mse, tripled.mu, tripled.released, tripled.cwd, tripled.maskd, tripled.mgd.hidden],
    [30, 90, { frequency: 3, mse: 15, regression: 3 }, { weight: 30 }, { weight: 21, refineAfter: 40 }, 0.65],
  );
  for (const name of leagueLosses) {
    const trials = trialsOf(variantRow(name)).map((row) => JSON.stringify(row.distillation(emojiScenes)));
    assert.equal(new Set(trials).size, leagueProtocol.factors.length, name);
    assert.equal(trials[2], JSON.stringify(variantRow(name).distillation(emojiScenes)), 'the third leaves it as it is');
  }
});

test('the factor is that of the highest mean over all tuning seeds; a trial that lacks one is none', () => {
  const runs = [
    ...[[101, 20], [102, 24]].map(([seed, AP]) => result('cwd-trial-2', seed, AP)),
    ...[[101, 21], [102, 24]].map(([seed, AP]) => result('cwd-trial-4', seed, AP)),
    result('cwd-trial-5', 101, 99),
    ...[[101, 50], [102, 50]].map(([seed, AP]) => result('mgd-trial-1', seed, AP)),
  ];
  assert.equal(bestFactor('cwd', runs, [101, 102]), leagueProtocol.factors[3]);
  assert.throws(() => bestFactor('pkd', runs, [101, 102]), /no trial of pkd has ended on all seeds 101, 102/);
});

test('a league of two losses from tuning to table, and once more without training', async () => {
  const out = join(temporary(), 'league');
  const tiny = ['teacher', 'student'].flatMap((role) => [
    `${role}.model.backbone.widths=[4,4,4,4]`,
    `${role}.model.backbone.stem.channels=4`,
    `${role}.model.neck.channels=16`,
    `${role}.model.head.channels=16`,
    `${role}.model.head.convs=1`,
    `${role}.batch=4`,
  ]);
  const words = ['--league', '--smoke', '--variants', 'mse,maskd', '--out', out];
  const few = ['--steps', '2', '--teacher-steps', '2', '--prompt-steps', '2', ...tiny.flatMap((set) => ['--set', set])];
  const league = (): Promise<Ended> => reproduce(out, [...words, ...few]);
  const first = await league();
  assert.equal(first.status, 0, first.stderr);
  const files = (folder: string): string[] => readdirSync(folder).filter((name) => /-seed\d+\.json$/.test(name)).sort();
  assert.deepEqual(
    files(join(out, 'tuning')),
    ['maskd', 'mse'].flatMap((name) => [1, 2, 3, 4, 5].map((trial) => `${name}-trial-${trial}-seed101.json`)),
  );
  const final = join(out, 'emoji-scenes');
  assert.deepEqual(
    files(final),
    ['maskd', 'mse', 'student'].flatMap((name) => [201, 202].map((seed) => `${name}-seed${seed}.json`)),
  );
  const factor = Number(/^mse: weight x (.+)$/m.exec(first.stdout)![1]);
  const { distillation } = readResult(join(final, 'mse-seed201.json')).config as { distillation: Distillation };
  assert.deepEqual(distillation, scaledRow(variantRow('mse'), factor).distillation(emojiScenes));
  const table = readFileSync(join(final, 'league.md'), 'utf8');
  assert.match(table, /\| MasKD +\| +2 \|/);
  assert.ok(first.stdout.includes(table.trim()));

  rmSync(join(final, 'maskd-seed202.json'));
  const second = await league();
  assert.equal(second.status, 0, second.stderr);
  assert.equal(second.stdout.match(/kept from/g)!.length, 15);
  assert.equal(readFileSync(join(final, 'league.md'), 'utf8'), table, 'the run that was missing ends as it had ended');
});
