import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { provenance } from '../../lib/dist/runs/results';

describe('the commit that a result names', () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'freekd-commit-'));
  const git = (...words: string[]): string =>
    execFileSync('git', ['-C', root, '-c', 'user.name=A', '-c', 'user.email=a@b.c', ...words], { encoding: 'utf8' });
  const write = (name: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  };
  let head = '';
  before(() => {
    git('init', '--quiet');
    write('lib/loss.ts', 'one');
    write('data/results/emoji-scenes/student-seed1.json', '{}');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'one');
    head = git('rev-parse', '--short=12', 'HEAD').trim();
  });
  after(() => fs.rmSync(root, { recursive: true }));

  it('is the checked out one, whatever other results were written since and from whichever folder', () => {
    write('data/results/emoji-scenes/student-seed1.json', '{ "changed": true }');
    assert.equal(provenance(root).commit, head);
    assert.equal(provenance(path.join(root, 'lib')).commit, head);
  });

  it('ends in + where a source differs from it', () => {
    write('lib/loss.ts', 'two');
    assert.equal(provenance(root).commit, `${head}+`);
    assert.equal(provenance(path.join(root, 'data')).commit, `${head}+`);
  });
});
