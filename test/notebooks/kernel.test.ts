/**
 * What the kernel does beside running cells: completion and explanations, whose types resolve under
 * tslab's own, older TypeScript; interrupts.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** The answers of a script beside this file. */
const ask = (script: string, ...words: string[]): string =>
  execFileSync(join(__dirname, '../../.venv/bin/python'), [join(__dirname, script), ...words], { encoding: 'utf8' });

test('the kernel completes names, members and options, and shows the documentation', () => {
  const {
    members,
    names,
    options,
    function: explained,
    value,
  } = JSON.parse(ask('ask_kernel.py')) as Record<'members' | 'names' | 'options', string[]> &
    Record<'function' | 'value', string>;
  assert.ok(['masks', 'apply', 'tokens', 'dispose'].every((member) => members.includes(member)), members.join());
  assert.deepEqual(names, ['wavedec2']);
  assert.deepEqual(options, ['level', 'mode', 'wavelet']);
  assert.match(explained, /function wavedec2\(x: Tensor4D/);
  assert.match(explained, /levels of the transform of x \[N, H, W, C\]/);
  assert.match(value, /const prompt: FrequencyPrompt/);
});

interface CellRun {
  status: string;
  /** Steps that the display showed. */
  shown: number[];
  text: string;
  seconds: number | null;
}

test(
  'an interrupt stops a training cell within a step; the kernel ' + 'lives, and the same cell goes on where it stopped',
  (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'freekd-interrupt-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const { opened, stopped, alive, again } = JSON.parse(ask('interrupt_kernel.py', folder)) as Record<
      'opened' | 'stopped' | 'alive' | 'again',
      CellRun
    >;
    assert.equal(opened.status, 'ok', opened.text);
    assert.equal(stopped.status, 'error');
    assert.match(stopped.text, /\nInterrupted: stopped after step \d+ of student, seed 1; run the cell again [^\n]+\n$/);
    assert.equal(alive.text, 'alive\n');
    assert.equal(again.status, 'ok', again.text);
    const last = stopped.shown[stopped.shown.length - 1];
    assert.ok(last < 60 && again.shown[0] > last, `stopped after step ${last}, went on at ${again.shown[0]}`);
    assert.match(
      again.text,
      new RegExp(`steps ${Array.from({ length: 60 }, (_, i) => i).join()}`),
      'the log of the two sessions together has every step once',
    );
  },
);
