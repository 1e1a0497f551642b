/**
 * The authors' prompt from its file to prompted features, as PyTorch computes them with the same
 * file.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPromptState, importWeights, tf } from 'freekd';
import golden from '../golden/prompt_checkpoint.json';

const folder = mkdtempSync(join(tmpdir(), 'freekd-prompt-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'prompt.pth');
writeFileSync(file, Buffer.from(golden.file, 'base64'));

test('every level takes its tokens, prob.* is left out, and features are prompted as in PyTorch', async () => {
  const state = createPromptState(2, 4, { profile: 'released', tokens: 3 }, 0);
  const { loaded } = await importWeights(state.parameters, file, { names: 'freekd-prompt' });
  assert.deepEqual(loaded, ['prompts.0.tokens', 'prompts.1.tokens']);
  state.released!.forEach((prompt, level) => {
    const values = tf.tidy(() => prompt.apply(tf.tensor4d(golden.x, [1, 8, 8, 4])).feature.dataSync());
    golden.prompted[level].forEach((expected, i) =>
      assert.ok(Math.abs(values[i] - expected) < 1e-5, `level ${level}, value ${i}: ${values[i]}, PyTorch ${expected}`),
    );
  });
  state.parameters.dispose();
});

test('a pyramid of another height or width is refused by name', async () => {
  for (const [levels, tokens, message] of [
    [3, 3, /missing \(1\): prompts\.2\.tokens/],
    [1, 3, /unexpected \(1\): .*mask_modules\.1\.mask_token/],
    [2, 6, /of another shape \(2\): .*\[4,3,4\], ours \[4,6,4\]/],
  ] as const) {
    const { parameters } = createPromptState(levels, 4, { profile: 'released', tokens }, 0);
    await assert.rejects(importWeights(parameters, file, { names: 'freekd-prompt' }), message);
    parameters.dispose();
  }
});
