/**
 * Checkpoints of torch.save against what torch.load finds in them; pickles that want to do more
 * than hold data.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readTorchCheckpoint, type StoredTensor } from 'freekd';
import golden from '../golden/torch_files.json';

const folder = mkdtempSync(join(tmpdir(), 'freekd-torch-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function write(bytes: Buffer): string {
  const file = join(folder, `${count++}.pth`);
  writeFileSync(file, bytes);
  return file;
}
const decode = (base64: string): Buffer => Buffer.from(base64, 'base64');

const dtypes: Record<string, string> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};

interface Expected {
  shape: number[];
  dtype: string;
  data: (number | string | boolean)[];
}

const equal = (found: StoredTensor, expected: Expected, name: string): void => {
  assert.equal(found.dtype, dtypes[expected.dtype], name);
  assert.deepEqual(found.shape, expected.shape, name);
  const numbers = expected.data.map((value) =>
    typeof value === 'string' && found.dtype === 'I64' ? BigInt(value) : Number(value === 'inf' ? Infinity : value),
  );
  assert.deepEqual(
    [...found.data]
      .map((value) =>
        typeof value === 'bigint' && numbers.every((number) => typeof number === 'number') ? Number(value) : value,
      )
      .map(String),
    numbers.map(String),
    name,
  );
};

for (const [kind, { base64, tensors }] of Object.entries(golden.files))
  test(`${kind}: every tensor as torch.load reads it`, async () => {
    const found = await readTorchCheckpoint(write(decode(base64)));
    assert.deepEqual([...found.keys()].sort(), Object.keys(tensors).sort());
    for (const [name, expected] of Object.entries(tensors as unknown as Record<string, Expected>))
      equal(found.get(name)!, expected, name);
  });

test('only what is selected is read', async () => {
  const found = await readTorchCheckpoint(write(decode(golden.files.zip.base64)), {
    select: (name) => name.endsWith('.scalar'),
  });
  assert.deepEqual([...found.keys()], ['state_dict.layer.scalar']);
});

for (const [name, base64] of Object.entries(golden.hostile))
  test(`${name}: is refused by name, and not executed`, async () => {
    await assert.rejects(
      readTorchCheckpoint(write(decode(base64))),
      (error: Error) => error.message.includes(name.split(',')[0]) && error.message.includes('.pth'),
    );
    assert.ok(!existsSync('freekd-hostile'));
  });

test('a file that is cut off anywhere is an error that names it, never a wrong tensor', async () => {
  for (const { base64, tensors } of Object.values(golden.files)) {
    const whole = decode(base64);
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 40)) {
      const file = write(whole.subarray(0, length));
      await readTorchCheckpoint(file).then(
        (found) => assert.deepEqual([...found.keys()].sort(), Object.keys(tensors).sort()), // only padding was lost
        (error: Error) => assert.ok(error.message.startsWith(file), error.message),
      );
    }
  }
});

test('changed bytes end in an error or in tensors, never in a crash', async () => {
  const whole = decode(golden.files.legacy.base64);
  let state = 1;
  const below = (n: number): number => (state = (state * 48271) % 2147483647) % n;
  for (let i = 0; i < 300; i++) {
    const changed = Buffer.from(whole);
    changed[below(2000)] = below(256);
    await readTorchCheckpoint(write(changed)).catch((error: Error) => assert.match(error.message, /\.pth/));
  }
});

/** A legacy file with one object, given as the instructions of its pickle. */
function legacy(object: Buffer): Buffer {
  const whole = decode(golden.files['state dict'].base64);
  assert.equal(whole.subarray(0, 2).toString('latin1'), 'PK');
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
  const protocol = Buffer.from('80024de9032e', 'hex');
  const system = Buffer.from('80027d2e', 'hex');
  return Buffer.concat([magic, protocol, system, object, Buffer.from('80025d2e', 'hex')]);
}

test('lists that contain themselves, billions of references and deep nesting come to an end', async () => {
  const self = Buffer.from('80025d710068006168002e', 'hex'); // l = []; l.append(l)
  assert.equal((await readTorchCheckpoint(write(legacy(self)))).size, 0);
  const deep = Buffer.concat([
    Buffer.from('8002', 'hex'),
    Buffer.alloc(200_000, ']'),
    Buffer.alloc(199_999, 'a'),
    Buffer.from('.'),
  ]);
  await assert.rejects(readTorchCheckpoint(write(legacy(deep))), /\.pth: .*nested deeper than 100/);
  // L = [l, l], 60 times
  const doubled = Buffer.concat([
    Buffer.from('80025d', 'hex'),
    Buffer.concat(Array.from({ length: 60 }, (_, i) => Buffer.from([0x71, i, 0x5d, 0x68, i, 0x61, 0x68, i, 0x61]))),
    Buffer.from('.'),
  ]);
  await assert.rejects(readTorchCheckpoint(write(legacy(doubled))), /\.pth: .*more than 10000000 objects/);
});

test('what is no checkpoint is said to be none', async () => {
  await assert.rejects(
    readTorchCheckpoint(write(Buffer.from('hello'))),
    /not a checkpoint that can be read: it is neither a zip, nor a tar, nor a pickle/,
  );
  await assert.rejects(readTorchCheckpoint(write(Buffer.alloc(0))), /not a checkpoint that can be read/);
});
