/** What cannot be written is said with its path, the reason and what to do. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeAtomically } from '../../lib/dist/core/atomic-file';
import { requireSpace, requireWritable, writeError } from '../../lib/dist/core/disk';
import { temporary } from '../distill/tiny';

test('a folder that can be written is made, and the probe leaves nothing', () => {
  const folder = join(temporary(), 'a/b');
  requireWritable(folder);
  requireWritable(folder);
  assert.deepEqual(readdirSync(folder), []);
});

test('impossible places are refused at once, with the reason', () => {
  const file = join(temporary(), 'file');
  writeFileSync(file, '');
  for (const place of [file, join(file, 'x'), '/proc/x', '/dev/null/x', join(temporary(), 'x'.repeat(300))])
    assert.throws(
      () => requireWritable(place),
      ({ message }: Error) => message.startsWith(`${place} cannot be written, `) && message.includes('another folder'),
      place,
    );
});

test('a full disk is named by every writer', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  assert.match(writeError(full, '/a/b').message, /^\/a\/b cannot be written, its disk has no room left: free some/);
  const file = join(temporary(), 'x.json');
  await assert.rejects(
    writeAtomically(file, async () => {
      throw full;
    }),
    /x\.json cannot be written, its disk has no room left: free some, then go on with --resume \(ENOSPC\)/,
  );
  assert.ok(!existsSync(file));
  await assert.rejects(requireSpace(temporary(), 1e18, 'the run x', 'choose another'), /the run x needs .* or choose another/);
});
