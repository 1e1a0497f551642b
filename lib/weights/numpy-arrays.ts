/** Arrays of numpy in a pickle, which come out of it as inert objects, as the tensors that they are. */
import type { PickleValue } from './pickle';
import { InertObject } from './python-objects';
import { checkedTensor, type TorchTensor, UnreadableTensor } from './torch-objects';
import { BYTES, type Dtype } from './typed-data';

/** By kind and bytes of a number, as numpy writes them. */
const dtypes: Record<string, Dtype> = {
  f8: 'F64', f4: 'F32', f2: 'F16', i8: 'I64', i4: 'I32', i2: 'I16', i1: 'I8', u8: 'U64', u4: 'U32', u2: 'U16',
  u1: 'U8', b1: 'BOOL', c8: 'C64', c16: 'C128',
};

/** Numpy's own limit. */
const MOST_AXES = 64;

/** An array of numbers; nothing for all else, arrays of objects and of texts included. */
export function numpyTensor(value: PickleValue): TorchTensor | UnreadableTensor | undefined {
  if (!(value instanceof InertObject)) return undefined;
  const { type, args, state } = value;
  if (/^numpy\.(_core|core)\.multiarray\._reconstruct$/.test(type) && Array.isArray(state)) {
    const [, shape, dtype, fortran, data] = state as PickleValue[];
    return tensor(shape, dtype, fortran === true, data);
  }
  if (/^numpy\.(_core|core)\.numeric\._frombuffer$/.test(type)) {
    const [data, dtype, shape, order] = args; // protocol 5
    return tensor(shape, dtype, order === 'F', data);
  }
  return undefined;
}

function tensor(
  shape: PickleValue,
  dtype: PickleValue,
  fortran: boolean,
  data: PickleValue,
): TorchTensor | UnreadableTensor | undefined {
  if (!(dtype instanceof InertObject) || !Array.isArray(shape) || shape.length > MOST_AXES) return undefined;
  const known = dtypes[String(dtype.args[0])] as Dtype | undefined;
  if (!known) return undefined;
  if (Array.isArray(dtype.state) && dtype.state[1] === '>')
    return new UnreadableTensor(shape as number[], known, 'has big-endian numbers');
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data; // text: of Python 2, see textOrBytes
  if (!(bytes instanceof Uint8Array)) return undefined;
  const elements = bytes.length / BYTES[known];
  const storage = { key: '', type: 'numpy.ndarray', dtype: known, elements, start: 0, bytes };
  return checkedTensor(storage, 0, shape, strides(shape as number[], fortran));
}

/** In elements: rows together, or columns (Fortran). */
function strides(shape: number[], fortran: boolean): number[] {
  const steps: number[] = [];
  let step = 1;
  for (const side of fortran ? shape : [...shape].reverse()) {
    steps.push(step);
    step *= Number(side);
  }
  return fortran ? steps : steps.reverse();
}
