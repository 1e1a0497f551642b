/** Numbers of a file as typed arrays, by the names that safetensors gives to types of data. */
import type { FileHandle } from 'node:fs/promises';
import { readBytes } from './file-bytes';
import { widenFloat8, type Float8 } from './float8';
import { widenBfloat16, widenHalf } from './half';

/** Bytes of one number. */
export const BYTES = {
  C128: 16, F64: 8, I64: 8, U64: 8, C64: 8, F32: 4, I32: 4, U32: 4, F16: 2, BF16: 2, I16: 2, U16: 2, I8: 1, U8: 1,
  BOOL: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E4M3FNUZ: 1, F8_E5M2FNUZ: 1, F8_E8M0: 1,
} as const;

export type Dtype = keyof typeof BYTES;

export const isDtype = (name: string): name is Dtype => Object.hasOwn(BYTES, name);

/** Types that become float32 when they are read, exactly. */
type Narrow = 'F16' | 'BF16' | Float8;

const widen: Record<Narrow, (bits: Uint8Array, target: Float32Array, start: number) => void> = {
  F16: (bits, target, start) => widenHalf(asHalves(bits), target, start),
  BF16: (bits, target, start) => widenBfloat16(asHalves(bits), target, start),
  F8_E4M3: widenFloat8('F8_E4M3'),
  F8_E5M2: widenFloat8('F8_E5M2'),
  F8_E4M3FNUZ: widenFloat8('F8_E4M3FNUZ'),
  F8_E5M2FNUZ: widenFloat8('F8_E5M2FNUZ'),
  F8_E8M0: widenFloat8('F8_E8M0'),
};

const asHalves = ({ buffer, byteOffset, length }: Uint8Array): Uint16Array =>
  new Uint16Array(buffer, byteOffset, length / 2);

const isNarrow = (dtype: Dtype): dtype is Narrow => Object.hasOwn(widen, dtype);

/** What `data` may be. I64 and U64 are BigInt arrays; BOOL is a Uint8Array of 0 and 1. */
export type TensorData =
  | Float32Array | Float64Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array
  | BigInt64Array | BigUint64Array;

/**
 * One tensor of a file. `dtype` is the file's own ("F16"); F16, BF16 and the types of 8 bits have
 * been widened to a Float32Array. Complex numbers (C64, C128) are pairs in a Float32Array or
 * Float64Array of twice the length. Where the file's type is none of those known here, `data`
 * throws saying so, and the other tensors of the file are read.
 */
export interface StoredTensor {
  shape: number[];
  dtype: string;
  data: TensorData;
}

/** A tensor whose numbers cannot be had: who asks for them gets `why`. */
export class TensorWithoutData implements StoredTensor {
  constructor(readonly shape: number[], readonly dtype: string, private readonly why: string) {}

  get data(): never {
    throw new Error(this.why);
  }
}

/** A file of tensors that are read one by one, so that no more than one of them need be in memory. */
export interface TensorFile {
  /** In the file's order; known without reading the data. */
  shapes: ReadonlyMap<string, number[]>;
  /** One tensor, in an array of its own. */
  read(name: string): Promise<StoredTensor>;
}

/** All tensors of a file whose names are selected. Throws where there are some, but none has data. */
export async function readAll(
  { shapes, read }: TensorFile,
  select: (name: string) => boolean = () => true,
): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const name of shapes.keys()) if (select(name)) tensors.set(name, await read(name));
  const all = [...tensors.values()];
  if (all.length > 0 && all.every((tensor) => tensor instanceof TensorWithoutData)) void all[0].data;
  return tensors;
}

/** `elements` numbers from `position` on, in an array of their own. */
export async function readData(
  file: FileHandle,
  path: string,
  { dtype, elements }: { dtype: Dtype; elements: number },
  position: number,
): Promise<TensorData> {
  if (!isNarrow(dtype)) {
    const bytes = new Uint8Array(elements * BYTES[dtype]);
    await readBytes(file, path, bytes, position);
    return asNumbers(bytes, dtype);
  }
  // Widened while reading, so that only a small part lies in memory twice.
  const result = new Float32Array(elements);
  const part = new Uint8Array(BYTES[dtype] * Math.min(elements, 1 << 19));
  for (let start = 0; start < elements; start += part.length / BYTES[dtype]) {
    const bits = part.subarray(0, Math.min(part.length, BYTES[dtype] * (elements - start)));
    await readBytes(file, path, bits, position + BYTES[dtype] * start);
    widen[dtype](bits, result, start);
  }
  return result;
}

/** The same of bytes in memory, which are copied. */
export function dataOf(bytes: Uint8Array, dtype: Dtype): TensorData {
  const copy = Uint8Array.from(bytes);
  if (!isNarrow(dtype)) return asNumbers(copy, dtype);
  const result = new Float32Array(copy.length / BYTES[dtype]);
  widen[dtype](copy, result, 0);
  return result;
}

/** A whole buffer as numbers. */
function asNumbers({ buffer }: Uint8Array<ArrayBuffer>, dtype: Exclude<Dtype, Narrow>): TensorData {
  switch (dtype) {
    case 'F32':
    case 'C64':
      return new Float32Array(buffer);
    case 'F64':
    case 'C128':
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
    case 'U8':
    case 'BOOL':
      return new Uint8Array(buffer);
  }
}
