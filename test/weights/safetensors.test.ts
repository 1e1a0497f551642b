/**
 * Files of the Python package are read, its bytes are written, and hostile files are refused by
 * name.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeAtomically } from '../../lib/dist/core/atomic-file';
import { narrowToHalf, widenHalf } from '../../lib/dist/weights/half';
import { readSafetensors, safetensorsMetadata, writeSafetensors } from '../../lib/dist/weights/safetensors';
import type { TensorData } from '../../lib/dist/weights/typed-data';

const golden = JSON.parse(readFileSync(join(__dirname, '../golden/safetensors_file.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
const path = join(folder, 'x.safetensors');
after(() => rmSync(folder, { recursive: true }));

test('reads what Python wrote, every dtype', async () => {
  writeFileSync(path, Buffer.from(golden.file, 'base64'));
  const tensors = await readSafetensors(path);
  assert.deepEqual([...tensors.keys()].sort(), Object.keys(golden.values).sort());
  for (const [name, { shape, data, dtype }] of tensors) {
    assert.deepEqual(shape, golden.shapes[name], name);
    const expected = golden.values[name];
    if (dtype === 'I64') assert.deepEqual([...data].map(String), expected);
    else assert.deepEqual([...data].map(Number), expected, name);
  }
  assert.ok(tensors.get('f16')?.data instanceof Float32Array && tensors.get('bf16')?.data instanceof Float32Array);
  assert.deepEqual(await safetensorsMetadata(path), { step: '12' });
});

test('writes the same bytes as Python', async () => {
  const { values, shapes } = golden;
  const of = (name: string, type: { from(list: number[]): TensorData }) =>
    [name, { shape: shapes[name], data: type.from(values[name]) }] as const;
  await writeSafetensors(
    path,
    new Map([
      of('z.f32', Float32Array),
      of('a.f64', Float64Array),
      of('i32', Int32Array),
      of('i16', Int16Array),
      of('i8', Int8Array),
      of('u8', Uint8Array),
      of('scalar', Float32Array),
      of('empty', Float32Array),
      ['i64', { shape: [7], data: BigInt64Array.from(values.i64.map(BigInt)) }],
    ]),
    { note: 'hé' },
  );
  assert.equal(readFileSync(path).toString('base64'), golden.plain);

  const x = Float32Array.from(values['z.f32']);
  await writeSafetensors(path, new Map([['x', { shape: [15], data: x }]]), undefined, { half: true });
  assert.equal(readFileSync(path).toString('base64'), golden.half);
  assert.deepEqual(await safetensorsMetadata(path), {});
});

test('halves round to the nearest, ties to even, as PyTorch', () => {
  const values = new Float32Array(Uint32Array.from(golden.halves.float32).buffer);
  assert.deepEqual([...narrowToHalf(values)], golden.halves.half);

  const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7fff) <= 0x7c00);
  const wide = new Float32Array(every.length);
  widenHalf(every, wide);
  assert.deepEqual(narrowToHalf(wide), every, 'a half widened and narrowed is itself');
});

test('what else Python reads: no metadata, types of 8 bits, complex, fields of later versions', async () => {
  writeFileSync(path, Buffer.from(golden.later.file, 'base64'));
  const tensors = await readSafetensors(path);
  assert.deepEqual([...tensors.keys()].sort(), Object.keys(golden.later.values).sort());
  for (const [name, values] of Object.entries(golden.later.values as Record<string, (number | string)[]>)) {
    const { dtype, data } = tensors.get(name)!;
    const expected = values.map((value) =>
      typeof value === 'number' ? value : Number(value.replace('inf', 'Infinity')),
    );
    assert.deepEqual([...data].map(Number), expected, `${name} (${dtype})`);
  }
});

test('a tensor of an unknown type leaves the others readable, and says so when it is asked for its data', async () => {
  const header = Buffer.from(
    '{ "__metadata__": null, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "later": []},' +
      ' "four bits": {"dtype": "F4", "shape": [8], "data_offsets": [4, 8]}}',
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header, Buffer.from('0000803f00000000', 'hex')]));
  const tensors = await readSafetensors(path);
  assert.deepEqual([...tensors.get('w')!.data], [1]);
  assert.deepEqual(tensors.get('four bits')!.shape, [8]);
  assert.throws(
    () => tensors.get('four bits')!.data,
    (error: Error) => error.message.startsWith(`${path}: tensor "four bits": unknown dtype "F4"`),
  );
  assert.deepEqual(await safetensorsMetadata(path), {});
});

test('large tensors and names that are integers keep their place', async () => {
  const large = Float32Array.from({ length: 1_200_000 }, (_, i) => (i % 2048) - 1000);
  const tensors = new Map([
    ['10', { shape: [3], data: Uint8Array.of(1, 2, 3) as TensorData }],
    ['2', { shape: [1_200_000], data: large }],
    ['part', { shape: [2], data: large.subarray(5, 7) }],
  ]);
  for (const half of [false, true]) {
    await writeSafetensors(path, tensors, {}, { half });
    const read = await readSafetensors(path);
    assert.deepEqual(read.get('2')?.data, large);
    assert.deepEqual(read.get('10')?.data, Uint8Array.of(1, 2, 3));
    assert.deepEqual([...read.get('part')!.data], [-995, -994]);
  }
});

test('an interrupted write leaves the old file and nothing else', async () => {
  await writeSafetensors(path, new Map([['a', { shape: [1], data: Float32Array.of(1) }]]));
  await assert.rejects(writeAtomically(path, async (file) => {
    await file.write('half of it');
    throw new Error('disk full');
  }), /disk full/);
  assert.equal((await readSafetensors(path)).get('a')?.data[0], 1);
  assert.deepEqual(readdirSync(folder), ['x.safetensors']);

  await assert.rejects(
    writeSafetensors(path, new Map([['__metadata__', { shape: [1], data: Float32Array.of(1) }]])),
    /cannot be named/,
  );
  await assert.rejects(
    writeSafetensors(path, new Map([['a', { shape: [2, 2], data: Float32Array.of(1) }]])),
    /"a" of shape \[2, 2\] has 1 values/,
  );
  await assert.rejects(
    writeSafetensors(path, new Map([['a', { shape: [1], data: Float32Array.of(7e4) }]]), undefined, { half: true }),
    /"a": value 70000 at 0 is too large/,
  );
});

test('hostile files are refused, by name', async () => {
  const write = (header: string | object, bytes: number, length?: bigint) => {
    const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(length ?? BigInt(text.length));
    writeFileSync(path, Buffer.concat([prefix, text, Buffer.alloc(bytes)]));
  };
  const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets: offsets });
  const refused = async (message: RegExp) => {
    await assert.rejects(
      readSafetensors(path),
      (error: Error) => error.message.includes(path) && message.test(error.message),
    );
  };
  writeFileSync(path, 'abc');
  await refused(/3 bytes/);
  write('{}', 0, 1n << 62n);
  await refused(/cut off/);
  write('{"a":', 0);
  await refused(/not JSON/);
  write('[]', 0);
  await refused(/not a JSON object/);
  write({ __metadata__: { a: 1 } }, 0);
  await refused(/__metadata__/);
  write({ a: 3 }, 0);
  await refused(/"a": dtype, shape and data_offsets expected/);
  write({ a: entry([1], [0, 4], 'toString') }, 4);
  await refused(/unknown dtype "toString"/);
  write(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 0);
  await refused(/its header is nested deeper than 16/);
  write(`{"a":{"dtype":"F32","data_offsets":[0,4],"shape":${'['.repeat(1e5)}${']'.repeat(1e5)}}}`, 4);
  await refused(/its header is nested deeper than 16/);
  write({ a: entry(Array.from({ length: 1e5 }, () => [1]), [0, 4]) }, 4);
  await refused(/"a": shape .{0,210} is not a list of sizes/);
  const one = JSON.stringify(entry([1], [0, 4]));
  write(`{"a":${one},"\\u0061":${one}}`, 4);
  await refused(/its header names "a" twice/);
  write('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4);
  await refused(/its header names "dtype" twice/);
  write({ a: entry([1], [0, 4]), b: entry([1], [2, 6]) }, 6);
  await refused(/"b" overlaps/);
  write({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12);
  await refused(/"b" leaves a hole/);
  write({ a: entry([2], [0, 8]) }, 4);
  await refused(/cut off: tensor "a"/);
  write({ a: entry([1], [0, 4]) }, 6);
  await refused(/2 bytes after/);
  write({ a: entry([3], [0, 8]) }, 8);
  await refused(/does not fill its 8 bytes/);
  write({ a: entry([-1], [0, 4]) }, 4);
  await refused(/shape \[-1\]/);
  write({ a: entry([1.5e300, 1.5e300], [0, 4]) }, 4);
  await refused(/shape/);
  write({ a: entry([1], [4, 0]) }, 4);
  await refused(/data_offsets \[4,0\]/);
});
