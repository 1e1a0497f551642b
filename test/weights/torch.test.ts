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
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  complex64: 'C64',
  complex128: 'C128',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
  float8_e4m3fnuz: 'F8_E4M3FNUZ',
  float8_e5m2fnuz: 'F8_E5M2FNUZ',
  float8_e8m0fnu: 'F8_E8M0',
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
    typeof value !== 'string'
      ? Number(value)
      : found.dtype === 'I64'
        ? BigInt(value)
        : Number(value.replace('inf', 'Infinity')),
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
const all = { ...golden.files, ...golden.people };

for (const [kind, { base64, tensors }] of Object.entries(all))
  test(`${kind}: every tensor as torch.load reads it`, async () => {
    const found = await readTorchCheckpoint(write(decode(base64)));
    assert.deepEqual([...found.keys()].sort(), Object.keys(tensors).sort());
    for (const [name, expected] of Object.entries(tensors as unknown as Record<string, Expected>))
      equal(found.get(name)!, expected, name);
  });

for (const [kind, base64] of Object.entries(golden.withoutNumbers))
  test(`a tensor that is ${kind} throws by name when its numbers are asked for; the one beside it is read`, async () => {
    const found = await readTorchCheckpoint(write(decode(base64)));
    assert.deepEqual([...found.keys()], ['w', 'x']);
    assert.deepEqual([...found.get('w')!.data], [1, 1]);
    assert.throws(() => found.get('x')!.data, /\.pth: tensor "x" (is (quantised|sparse|a lazy view)|has no numbers)/);
  });

test('arrays of numpy are the tensors of a file that has no others, as those of detectron2', async () => {
  for (const base64 of Object.values(golden.arrays.files)) {
    const found = await readTorchCheckpoint(write(decode(base64)));
    assert.deepEqual([...found.keys()], Object.keys(golden.arrays.values));
    for (const [name, { shape, data }] of Object.entries(golden.arrays.values)) {
      assert.deepEqual(found.get(name)!.shape, shape);
      assert.deepEqual([...found.get(name)!.data].map(Number), data, name);
    }
  }
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
  for (const { base64, tensors } of Object.values(all)) {
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

test('changed bytes end in an error that names the file or in tensors, soon and in little memory', async () => {
  let state = 1;
  const below = (n: number): number => (state = (state * 48271) % 2147483647) % n;
  for (const { base64 } of Object.values(all)) {
    const whole = decode(base64);
    for (let i = 0; i < 60; i++) {
      const changed = Buffer.from(whole);
      for (let flips = 1 + below(3); flips > 0; flips--) changed[below(Math.min(changed.length, 3000))] = below(256);
      const file = write(changed);
      const begun = performance.now();
      await readTorchCheckpoint(file).catch((error: Error) => assert.ok(error.message.startsWith(file), error.message));
      assert.ok(performance.now() - begun < 2000);
      rmSync(file);
    }
  }
  assert.ok(process.memoryUsage().rss < 1e9);
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
  await assert.rejects(readTorchCheckpoint(folder), (error: Error) => error.message.startsWith(`${folder}: a file expected`));
  await assert.rejects(readTorchCheckpoint(join(folder, 'absent.pth')), /absent\.pth/);
  await assert.rejects(
    readTorchCheckpoint(write(Buffer.from('hello'))),
    /not a checkpoint that can be read: it is neither a zip, nor a tar, nor a pickle/,
  );
  await assert.rejects(readTorchCheckpoint(write(Buffer.alloc(0))), /not a checkpoint that can be read/);
});
