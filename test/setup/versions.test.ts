import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atLeast, parseVersion } from '../../setup/versions.mjs';

test('the first dotted version of a text is read', () => {
  assert.deepEqual(parseVersion('Python 3.11.7'), [3, 11, 7]);
  assert.deepEqual(parseVersion('v20.9'), [20, 9]);
  assert.equal(parseVersion('none here'), null);
});

test('versions are compared by numbers, not as text', () => {
  assert.equal(atLeast('3.9.18', '3.10'), false);
  assert.equal(atLeast('3.10.0', '3.10'), true);
  assert.equal(atLeast('3.10', '3.10.1'), false);
  assert.equal(atLeast('4.0', '3.10.1'), true);
  assert.equal(atLeast('', '3.10'), false);
});
