import { createHash } from 'node:crypto';
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleOptions, sizeOf } from '../../setup/bundle.mjs';
import { writeParts } from '../../setup/parts.mjs';
import { cudaLinks } from '../../setup/steps/cuda.mjs';

function temporary(t: { after(done: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'freekd-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('options of a bundle: defaults, sizes, and a sentence for what is wrong', () => {
  const { runtime, withCuda, partSize, level } = bundleOptions(['--runtime', 'gpu', '--part-size', '60M'])!;
  assert.deepEqual([runtime, withCuda, partSize, level], ['gpu', true, 60 * 2 ** 20, '6']);
  assert.equal(bundleOptions(['--runtime', 'gpu', '--without-cuda'])!.withCuda, false);
  assert.equal(bundleOptions(['--runtime', 'cpu'])!.withCuda, false);
  assert.equal(bundleOptions(['--help']), null);
  assert.deepEqual(['7', '7k', '2G'].map(sizeOf), [7, 7168, 2 ** 31]);
  assert.throws(() => bundleOptions(['--runtime', 'tpu']), /--runtime is "tpu"\.\s+It can be cpu or gpu/);
  assert.throws(() => bundleOptions(['--part-size', '0']), /--part-size is "0"/);
  assert.throws(() => bundleOptions(['--level', '10']), /--level is "10"/);
  assert.throws(() => bundleOptions(['--cuda']), /--cuda.*\n.*--help/);
});

test('parts hold the files one after another, each with its sum, none empty', async (t) => {
  const folder = temporary(t);
  const contents = [Buffer.alloc(10, 'a'), Buffer.alloc(0), Buffer.alloc(5, 'b'), Buffer.alloc(9, 'c')];
  const files = contents.map((content, i) => {
    writeFileSync(join(folder, `layer-${i}`), content);
    return join(folder, `layer-${i}`);
  });
  for (const [size, bytes] of [
    [8, [8, 8, 8]],
    [7, [7, 7, 7, 3]],
    [Infinity, [24]],
  ] as const) {
    const out = join(folder, `out-${size}`);
    mkdirSync(out);
    const parts = await writeParts(files, join(out, 'a.tar'), size);
    assert.deepEqual(parts.map((part) => part.bytes), bytes);
    assert.deepEqual(readdirSync(out).sort(), parts.map(({ name }) => name));
    const whole = parts.map(({ name }) => readFileSync(join(out, name)));
    assert.deepEqual(Buffer.concat(whole), Buffer.concat(contents));
    const sums = whole.map((part) => createHash('sha256').update(part).digest('hex'));
    assert.deepEqual(parts.map(({ sha256 }) => sha256), sums);
    assert.equal(parts[0].name, size === Infinity ? 'a.tar' : 'a.tar.000');
  }
});

test("the machine's CUDA 13 serves under the names of 12, the first folder wins, what is missing is named", (t) => {
  const folder = temporary(t);
  const [first, second] = ['cu13', 'cudnn'].map((name) => join(folder, name));
  const place = (where: string, names: string[]): void => {
    mkdirSync(where);
    for (const name of names) writeFileSync(join(where, name), '');
  };
  place(first, ['libcublas.so.13', 'libcublasLt.so.13', 'libcusparse.so.12', 'libnvJitLink.so.13', 'libc.so.6']);
  place(second, ['libcudnn.so.9', 'libcudnn_ops.so.9', 'libcusparse.so.12', 'libcufft.so.12']);
  const { links, missing } = cudaLinks([first, second]);
  assert.equal(links['libcublas.so.12'], join(first, 'libcublas.so.13'));
  assert.equal(links['libcusparse.so.12'], join(first, 'libcusparse.so.12'));
  assert.equal(links['libcudnn_ops.so.9'], join(second, 'libcudnn_ops.so.9'), 'a library that cuDNN opens itself');
  assert.equal(links['libcublas.so.13'], join(first, 'libcublas.so.13'), 'what needs it by its own name');
  assert.equal(links['libc.so.6'], undefined);
  assert.deepEqual(missing, ['libcusolver.so.11 or libcusolver.so.12']);
});
