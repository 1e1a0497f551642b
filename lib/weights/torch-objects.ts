/** What a pickle of PyTorch makes of names: storages, and tensors that look at them. */
import type { Builder, PickleRules, PickleValue } from './pickle';
import { pythonBuilders } from './python-builders';
import { PythonName } from './python-objects';
import { BYTES, type Dtype } from './typed-data';

/** A run of numbers that tensors share. */
export interface Storage {
  /** Where the file keeps it; nothing of a storage that stands in the pickle itself. */
  key: string;
  /** Python's name of its class; `dtype` is undefined where its numbers are of no type known here. */
  type: string;
  dtype: Dtype | undefined;
  elements: number;
  /** Bytes before it in the storage that it is a part of. */
  start: number;
  /** Its numbers, where the pickle itself holds them. */
  bytes?: Uint8Array;
}

/** A view of a storage, strides and offset in elements. */
export class TorchTensor {
  constructor(
    readonly storage: Storage & { dtype: Dtype },
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}

  get elements(): number {
    return this.shape.reduce((product, side) => product * side, 1);
  }

  /** The first and one past the last element of the storage that it looks at. */
  get range(): [number, number] {
    if (this.elements === 0) return [this.offset, this.offset];
    return [this.offset, this.shape.reduce((end, side, i) => end + (side - 1) * this.strides[i], this.offset) + 1];
  }

  get contiguous(): boolean {
    let step = 1;
    for (let i = this.shape.length - 1; i >= 0; i--) {
      if (this.shape[i] !== 1 && this.strides[i] !== step) return false;
      step *= this.shape[i];
    }
    return true;
  }
}

/** A tensor that has no numbers, or none that are known here: whoever reads it is told why. */
export class UnreadableTensor {
  constructor(readonly shape: number[], readonly dtype: string, readonly why: string) {}
}

/**
 * Repeated numbers (a stride of 0) take room only here; more of them than this is not a weight but
 * an attack.
 */
const MOST_REPEATED = 1 << 24;
/** PyTorch's own limit. */
const MOST_AXES = 64;

/** By the class of the storage, which says the type in PyTorch's older files. */
const storageTypes: Record<string, Dtype> = {
  Double: 'F64', Float: 'F32', Half: 'F16', BFloat16: 'BF16', Long: 'I64', Int: 'I32', Short: 'I16', Char: 'I8',
  Byte: 'U8', Bool: 'BOOL', ComplexFloat: 'C64', ComplexDouble: 'C128', Untyped: 'U8',
};

/** By torch.dtype, which `_rebuild_tensor_v3` is given beside an untyped storage. */
const dtypes: Record<string, Dtype> = {
  float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16', int64: 'I64', int32: 'I32', int16: 'I16',
  int8: 'I8', uint8: 'U8', bool: 'BOOL', uint16: 'U16', uint32: 'U32', uint64: 'U64', complex64: 'C64',
  complex128: 'C128', float8_e4m3fn: 'F8_E4M3', float8_e5m2: 'F8_E5M2', float8_e4m3fnuz: 'F8_E4M3FNUZ',
  float8_e5m2fnuz: 'F8_E5M2FNUZ', float8_e8m0fnu: 'F8_E8M0',
};

const nameOf = (value: PickleValue): string => (value instanceof PythonName ? value.name : 'no name');

/** The type of a storage by its class; throws where that is none. */
export function storageType(type: PickleValue): Pick<Storage, 'type' | 'dtype'> {
  const [, name] = /^torch\.(?:storage\.|cuda\.)?(\w+)(?:Storage|Tensor)$/.exec(nameOf(type)) ?? [];
  if (name === undefined) throw new Error(`a storage has the type ${nameOf(type).slice(0, 100)}`);
  return { type: nameOf(type), dtype: Object.hasOwn(storageTypes, name) ? storageTypes[name] : undefined };
}

/** A part of a storage, in elements; throws where it lies outside. */
export function storagePart(whole: Storage | undefined, key: string, offset: unknown, elements: unknown): Storage {
  if (!whole?.dtype || !isSizes([offset, elements]) || Number(offset) + Number(elements) > whole.elements)
    throw new Error(`a part of storage ${key} lies outside of it`);
  return { ...whole, elements: Number(elements), start: whole.start + Number(offset) * BYTES[whole.dtype] };
}

const isSizes = (value: PickleValue): value is number[] =>
  Array.isArray(value) &&
  value.length <= MOST_AXES &&
  value.every((side) => Number.isSafeInteger(side) && (side as number) >= 0);

const sizes = (value: PickleValue): number[] => (isSizes(value) ? [...value] : []);

/** A tensor whose every element lies in its storage; throws otherwise. */
export function checkedTensor(
  storage: PickleValue,
  offset: PickleValue,
  shape: PickleValue,
  strides: PickleValue,
): TorchTensor | UnreadableTensor {
  const known = storage as Storage;
  if (typeof known?.key !== 'string') throw new Error('a tensor has no storage');
  if (!isSizes([offset]) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length)
    throw new Error(
      `a tensor has the offset ${shown(offset)}, the shape [${shown(shape)}] and the strides [${shown(strides)}]`,
    );
  const { dtype } = known;
  if (!dtype)
    return new UnreadableTensor([...shape], known.type, `lies in a ${known.type}, whose numbers are not known here`);
  const tensor = new TorchTensor({ ...known, dtype }, offset as number, [...shape], [...strides]);
  const fits = tensor.range[1] <= known.elements && tensor.elements <= Math.max(known.elements, MOST_REPEATED);
  if (!fits)
    throw new Error(
      `a tensor of shape [${shown(shape)}] and strides [${shown(strides)}] from ` +
        `${shown(offset)} on does not fit its storage of ${known.elements} elements`,
    );
  return tensor;
}

/** For errors: no more of what a file says than a line. */
function shown(value: PickleValue): string {
  const simple = (one: PickleValue): string => (typeof one === 'number' ? String(one) : typeof one);
  return (Array.isArray(value) ? value.slice(0, MOST_AXES).map(simple).join() : simple(value)).slice(0, 100);
}

const rebuild: Builder = ([storage, offset, shape, strides, , , metadata]) =>
  lazyView(shape, metadata) ?? checkedTensor(storage, offset, shape, strides);

/** A tensor that PyTorch conjugates or negates only when it is read, which its storage does not show. */
function lazyView(shape: PickleValue, metadata: PickleValue): UnreadableTensor | undefined {
  const bits = metadata instanceof Map ? ['conj', 'neg'].filter((bit) => metadata.get(bit) === true) : [];
  const [bit] = bits;
  if (bit === undefined) return undefined;
  return new UnreadableTensor(sizes(shape), 'unknown', `is a lazy view: save what its resolve_${bit}() gives`);
}

/** With the dtype beside an untyped storage: the types that are younger than storages of one type. */
const rebuildTyped: Builder = ([storage, offset, shape, strides, , , type, metadata]) => {
  const lazy = lazyView(shape, metadata);
  if (lazy) return lazy;
  const untyped = storage as Storage;
  const name = nameOf(type).replace(/^torch\./, '');
  if (!Object.hasOwn(dtypes, name))
    return new UnreadableTensor(sizes(shape), name, `has the type ${name.slice(0, 100)}, which is not known here`);
  if (typeof untyped?.key !== 'string' || !untyped.dtype) throw new Error('a tensor has no storage');
  const dtype = dtypes[name];
  const elements = Math.floor((untyped.elements * BYTES[untyped.dtype]) / BYTES[dtype]);
  return checkedTensor({ ...untyped, dtype, elements }, offset, shape, strides);
};

const unreadable =
  (why: string, shapeAt: number): Builder =>
  (args) =>
    new UnreadableTensor(sizes(args[shapeAt]), 'unknown', why);

/** The first argument: a parameter or a buffer is its tensor. */
const first: Builder = ([tensor]) => tensor;

/** A tensor with attributes, or of a class of its own: the tensor that `make` gives. */
const fromType: Builder = ([make, , args], memory) =>
  typeof make === 'function' && make !== fromType && Array.isArray(args)
    ? (make as Builder)(args as PickleValue[], memory)
    : new UnreadableTensor([], 'unknown', `is made by ${nameOf(make).slice(0, 100)}`);

const torchNames: Record<string, Builder> = {
  'torch._utils._rebuild_tensor': rebuild,
  'torch._utils._rebuild_tensor_v2': rebuild,
  'torch._utils._rebuild_tensor_v3': rebuildTyped,
  'torch._utils._rebuild_parameter': first,
  'torch._utils._rebuild_parameter_with_state': first,
  'torch._utils._rebuild_device_tensor_from_cpu_tensor': first,
  'torch._tensor._rebuild_from_type': fromType,
  'torch._tensor._rebuild_from_type_v2': fromType,
  'torch.nn.parameter.Parameter': first,
  'torch.nn.parameter.Buffer': first,
  'torch._utils._rebuild_qtensor': unreadable('is quantised: save what its dequantize() gives', 2),
  'torch._utils._rebuild_sparse_tensor': ([, args]) =>
    new UnreadableTensor(sizes((args as PickleValue[])?.[2]), 'unknown', 'is sparse: save what its to_dense() gives'),
  'torch._utils._rebuild_sparse_csr_tensor': unreadable('is sparse: save what its to_dense() gives', -1),
  'torch._utils._rebuild_nested_tensor': unreadable('is nested: save its parts one by one', -1),
  'torch._utils._rebuild_wrapper_subclass': unreadable('is of a class that wraps others: save the tensors in it', 2),
  'torch._utils._rebuild_meta_tensor_no_storage': unreadable('has no numbers (device "meta")', 1),
  'torch._utils._rebuild_device_tensor_from_numpy': unreadable('is an array of numpy: save what its cpu() gives', -1),
  'torch.storage._load_from_bytes': () => {
    throw new Error('its tensors were written by pickle.dump; write them by torch.save');
  },
  'torch.Size': ([lengths]) => lengths,
};

export const torchBuilders: ReadonlyMap<string, Builder> = new Map([...pythonBuilders, ...Object.entries(torchNames)]);

/** The rules for a pickle that keeps nothing outside of itself. */
export const plainRules: PickleRules = {
  builders: torchBuilders,
  persistent: () => {
    throw new Error('it refers to an object outside of itself');
  },
};
