/** The list of mutations follows the code: `npm run test:mutations` itself takes too long for every run. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { mutations } from './mutations';

const root = join(__dirname, '../..');

describe('mutations', () => {
  it('each edits one place of a compiled file, and changes it', () => {
    for (const { file, from, to } of mutations) {
      const places = readFileSync(join(root, 'lib/dist', file), 'utf8').split(from).length - 1;
      assert.equal(places, 1, `"${from}" stands ${places} times in ${file}`);
      assert.notEqual(from, to, file);
    }
  });

  it('each names a test file that there is', () => {
    for (const { test } of mutations) assert.ok(existsSync(join(root, 'test', test)), test);
  });
});
