/**
 * Reads and writes safetensors files, the format of this project's weights and checkpoints: eight
 * bytes with the length of a JSON header, the header (name -> dtype, shape, place in the data),
 * then the little-endian data without holes. Format: https://github.com/huggingface/safetensors,
 * whose Python package writes the same bytes for the same tensors.
 */
import type { FileHandle } from 'node:fs/promises';
import { writeAtomically } from '../core/atomic-file';
import { CHUNK, readBytes, withFile } from './file-bytes';
import { narrowToHalf } from './half';
import { parseHeader } from './safetensors-header';
import {
  BYTES, isDtype, readAll, readData, TensorWithoutData, type Dtype, type StoredTensor, type TensorData, type TensorFile,
} from './typed-data';

/**
 * The order in which tensors lie in a file, that of the Python package: wide types first keeps all
 * data aligned.
 */
const WRITE_ORDER: Dtype[] = ['U64', 'I64', 'F64', 'F32', 'U32', 'I32', 'F16', 'U16', 'I16', 'I8', 'U8'];

/** The Python package's own limit of a header. */
const MAX_HEADER = 100_000_000;

/**
 * Every tensor of a safetensors file, each in a typed array of its own, read straight from the
 * disk.
 * @throws naming the file when it is cut off, has holes or overlaps, a name twice, or a shape that
 *   contradicts its bytes. A tensor of an unknown dtype throws when its `data` is asked for.
 */
export async function readSafetensors(path: string): Promise<Map<string, StoredTensor>> {
  return withSafetensors(path, (tensors) => readAll(tensors));
}

/** Opens a safetensors file while `use` reads of it what it needs; throws as `readSafetensors` does. */
export async function withSafetensors<T>(path: string, use: (tensors: TensorFile) => Promise<T>): Promise<T> {
  return withFile(path, async (file, size) => {
    const { entries, dataStart } = await readHeader(file, path, size);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    return use({
      shapes: new Map(entries.map(({ name, shape }) => [name, shape])),
      async read(name) {
        const { shape, dtype, elements, begin } = byName.get(name)!;
        if (!isDtype(dtype)) {
          const known = Object.keys(BYTES).join(', ');
          const why = `${path}: tensor "${name}": unknown dtype "${dtype}"; known are ${known}`;
          return new TensorWithoutData(shape, dtype, why);
        }
        return { shape, dtype, data: await readData(file, path, { dtype, elements }, dataStart + begin) };
      },
    });
  });
}

/** The `__metadata__` of a safetensors file, empty where it has none. Reads the header only. */
export async function safetensorsMetadata(path: string): Promise<Record<string, string>> {
  return withFile(path, async (file, size) => (await readHeader(file, path, size)).metadata);
}

/**
 * Writes `tensors` atomically: a reader, or a run resumed after a kill, sees the old file or the
 * whole new one.
 * @param metadata free text by name, kept in the header
 * @param options.half store Float32Array as F16, to the nearest, ties to even
 * @throws naming the tensor when its shape contradicts its data, or a finite value has no finite
 *   half (65520 and more)
 */
export async function writeSafetensors(
  path: string,
  tensors: Map<string, { shape: number[]; data: TensorData }>,
  metadata?: Record<string, string>,
  options: { half?: boolean } = {},
): Promise<void> {
  const half = options.half ?? false;
  const list = [...tensors].map(([name, { shape, data }]) => {
    if (name === '__metadata__')
      throw new Error(`${path}: a tensor cannot be named "__metadata__"; the format keeps this name for the metadata`);
    const elements = shape.reduce((product, side) => product * side, 1);
    if (elements !== data.length) {
      throw new Error(
        `${path}: tensor "${name}" of shape [${shape.join(', ')}] has ${data.length} values in place of ${elements}`,
      );
    }
    return { name, shape, data, dtype: dtypeOf(data, half) };
  });
  list.sort((a, b) => WRITE_ORDER.indexOf(a.dtype) - WRITE_ORDER.indexOf(b.dtype) || (a.name < b.name ? -1 : 1));

  const header: [string, unknown][] = metadata ? [['__metadata__', metadata]] : [];
  let offset = 0;
  for (const { name, shape, data, dtype } of list) {
    const end = offset + (dtype === 'F16' ? data.length * 2 : data.byteLength);
    header.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  await writeAtomically(path, async (file) => {
    await writeBytes(file, headerBytes(header));
    for (const { name, data, dtype } of list) {
      const stored = dtype === 'F16' ? narrowChecked(data as Float32Array, `${path}: tensor "${name}"`) : data;
      await writeBytes(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    }
  });
}

function dtypeOf(data: TensorData, half: boolean): Dtype {
  if (data instanceof Float32Array) return half ? 'F16' : 'F32';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Int32Array) return 'I32';
  if (data instanceof Uint32Array) return 'U32';
  if (data instanceof Int16Array) return 'I16';
  if (data instanceof Uint16Array) return 'U16';
  if (data instanceof Int8Array) return 'I8';
  if (data instanceof BigInt64Array) return 'I64';
  if (data instanceof BigUint64Array) return 'U64';
  return 'U8';
}

/**
 * The length, then the JSON padded with spaces to a multiple of eight. By hand, for a name may be
 * an integer, which an object would move to the front.
 */
function headerBytes(header: [string, unknown][]): Uint8Array {
  const json = Buffer.from(
    `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`,
  );
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded));
  json.copy(bytes, 8);
  return bytes;
}

function narrowChecked(values: Float32Array, what: string): Uint16Array {
  const large = values.findIndex((value) => Math.abs(value) >= 65520 && Number.isFinite(value));
  if (large >= 0)
    throw new Error(
      `${what}: value ${values[large]} at ${large} is too large for half precision; write it without { half: true }`,
    );
  return narrowToHalf(values);
}

async function readHeader(file: FileHandle, path: string, size: number) {
  if (size < 8)
    throw new Error(`${path}: not a safetensors file: ${size} bytes, fewer than the 8 of the header's length`);
  const prefix = Buffer.alloc(8);
  await readBytes(file, path, prefix, 0);
  const length = Number(prefix.readBigUInt64LE());
  if (length > size - 8) {
    throw new Error(
      `${path}: not a safetensors file, or cut off: its header should have ${length} bytes, the file has ${size}`,
    );
  }
  if (length > MAX_HEADER)
    throw new Error(`${path}: not a safetensors file: a header of ${length} bytes; ${MAX_HEADER} are allowed`);
  const text = Buffer.alloc(length);
  await readBytes(file, path, text, 8);
  const dataStart = 8 + length;
  return { ...parseHeader(text, size - dataStart, path), dataStart };
}

async function writeBytes(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, Math.min(CHUNK, bytes.length - done))).bytesWritten;
  }
}
