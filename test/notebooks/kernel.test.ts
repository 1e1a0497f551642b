/** Completion and explanations in a cell: the types of lib/ resolve under tslab's own, older TypeScript. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

test('the kernel completes names, members and options, and shows the documentation', () => {
  const answers = execFileSync(join(__dirname, '../../.venv/bin/python'), [join(__dirname, 'ask_kernel.py')], { encoding: 'utf8' });
  const { members, names, options, function: explained, value } = JSON.parse(answers) as Record<'members' | 'names' | 'options', string[]> & Record<'function' | 'value', string>;
  assert.ok(['masks', 'apply', 'tokens', 'dispose'].every((member) => members.includes(member)), members.join());
  assert.deepEqual(names, ['wavedec2']);
  assert.deepEqual(options, ['level', 'mode', 'wavelet']);
  assert.match(explained, /function wavedec2\(x: Tensor4D/);
  assert.match(explained, /levels of the transform of x \[N, H, W, C\]/);
  assert.match(value, /const prompt: FrequencyPrompt/);
});
