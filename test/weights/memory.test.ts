/** Weights are read and written without a second copy of the file in memory. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeSafetensors } from '../../lib/dist/weights/safetensors';

const folder = mkdtempSync(join(tmpdir(), 'freekd-memory-'));
after(() => rmSync(folder, { recursive: true }));

test('100 MB are read, and written again, in less than 150 MB', async () => {
  const file = join(folder, 'big.safetensors');
  const values = Float32Array.from({ length: 1_000_000 }, (_, i) => i);
  await writeSafetensors(
    file,
    new Map(Array.from({ length: 25 }, (_, i) => [`${i}`, { shape: [1000, 1000], data: values }])),
  );
  assert.ok(statSync(file).size > 100e6);
  const script = `
    const { readSafetensors, writeSafetensors } = require(${JSON.stringify(join(__dirname, '../../lib/dist/weights/safetensors.js'))});
    const peak = () => process.resourceUsage().maxRSS * 1024;
    const before = peak();
    readSafetensors(process.argv[1]).then(async (tensors) => {
      await writeSafetensors(process.argv[1] + '.copy', tensors);
      console.log(JSON.stringify({ tensors: tensors.size, growth: peak() - before }));
    });`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' });
  assert.equal(stderr, '');
  const { tensors, growth } = JSON.parse(stdout) as { tensors: number; growth: number };
  assert.equal(tensors, 25);
  assert.ok(growth > 90e6 && growth < 150e6, `${growth} bytes`);
});
