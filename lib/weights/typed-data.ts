/** Numbers of a file as typed arrays, by the names that safetensors gives to types of data. */
import type { FileHandle } from 'node:fs/promises';
import { readBytes } from './file-bytes';
import { widenBfloat16, widenHalf } from './half';

/** Bytes of one number. */
export const BYTES = {
  F64: 8, I64: 8, U64: 8, F32: 4, I32: 4, U32: 4, F16: 2, BF16: 2, I16: 2, U16: 2, I8: 1, U8: 1, BOOL: 1,
} as const;

export type Dtype = keyof typeof BYTES;

/** What `data` may be. I64 and U64 are BigInt arrays; BOOL is a Uint8Array of 0 and 1. */
export type TensorData =
  | Float32Array | Float64Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array
  | BigInt64Array | BigUint64Array;

/**
 * One tensor of a file. `dtype` is the file's own ("F16"); F16 and BF16 have been widened to a
 * Float32Array.
 */
export interface StoredTensor {
  shape: number[];
  dtype: Dtype;
  data: TensorData;
}

/** A file of tensors that are read one by one, so that no more than one of them need be in memory. */
export interface TensorFile {
  /** In the file's order; known without reading the data. */
  shapes: ReadonlyMap<string, number[]>;
  /** One tensor, in an array of its own. */
  read(name: string): Promise<StoredTensor>;
}

/** All tensors of a file whose names are selected. */
export async function readAll(
  { shapes, read }: TensorFile,
  select: (name: string) => boolean = () => true,
): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const name of shapes.keys()) if (select(name)) tensors.set(name, await read(name));
  return tensors;
}

/** `elements` numbers from `position` on, in an array of their own. */
export async function readData(
  file: FileHandle,
  path: string,
  { dtype, elements }: { dtype: Dtype; elements: number },
  position: number,
): Promise<TensorData> {
  if (dtype === 'F16' || dtype === 'BF16')
    return readHalves(file, path, position, elements, dtype === 'F16' ? widenHalf : widenBfloat16);
  const buffer = new ArrayBuffer(elements * BYTES[dtype]);
  await readBytes(file, path, new Uint8Array(buffer), position);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return new Float64Array(buffer);
    case 'I64':
      return new BigInt64Array(buffer);
    case 'U64':
      return new BigUint64Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'U32':
      return new Uint32Array(buffer);
    case 'I16':
      return new Int16Array(buffer);
    case 'U16':
      return new Uint16Array(buffer);
    case 'I8':
      return new Int8Array(buffer);
    default:
      return new Uint8Array(buffer); // U8, BOOL
  }
}

/** Widens while reading, so that only a small part lies in memory twice. */
async function readHalves(
  file: FileHandle,
  path: string,
  position: number,
  elements: number,
  widen: typeof widenHalf,
): Promise<Float32Array> {
  const result = new Float32Array(elements);
  const part = new Uint16Array(Math.min(elements, 1 << 19));
  for (let start = 0; start < elements; start += part.length) {
    const bits = part.subarray(0, Math.min(part.length, elements - start));
    await readBytes(file, path, new Uint8Array(bits.buffer, 0, bits.byteLength), position + 2 * start);
    widen(bits, result, start);
  }
  return result;
}
