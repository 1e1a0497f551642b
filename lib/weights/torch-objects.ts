/** What a pickle of PyTorch may name, and the tensors in the object that comes of it. */
import type { Builder, PickleRules, PickleValue } from './pickle';
import type { Dtype } from './typed-data';

/** A run of numbers that tensors share; `key` says where the file keeps it. */
export interface Storage {
  key: string;
  dtype: Dtype;
  elements: number;
  /** Elements before it in the storage that it is a part of. */
  offset: number;
}

/** A view of a storage, strides and offset in elements. */
export class TorchTensor {
  constructor(
    readonly storage: Storage,
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

/**
 * Repeated numbers (a stride of 0) take room only here; more of them than this is not a weight but
 * an attack.
 */
const MOST_REPEATED = 1 << 24;

const storageTypes: Record<string, Dtype> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  UntypedStorage: 'U8',
};
const dtypeNames = ['float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'];

/** The type of a storage class that a pickle names. */
const dtypes = new Map<PickleValue, Dtype>();

function storageClass(dtype: Dtype): Builder {
  const builder: Builder = () => {
    throw new Error('a storage class is named in a pickle, never called');
  };
  dtypes.set(builder, dtype);
  return builder;
}

/** The dtype of a storage class. */
export function dtypeOf(value: PickleValue): Dtype {
  const dtype = dtypes.get(value);
  if (!dtype) throw new Error('a storage has no known type');
  return dtype;
}

const isSizes = (value: PickleValue): value is number[] =>
  Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && (side as number) >= 0);

/** A tensor whose every element lies in its storage; throws otherwise. */
export function checkedTensor(
  storage: PickleValue,
  offset: PickleValue,
  shape: PickleValue,
  strides: PickleValue,
): TorchTensor {
  const known = storage as Storage;
  if (typeof known?.key !== 'string') throw new Error('a tensor has no storage');
  if (!isSizes([offset]) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length)
    throw new Error(
      `a tensor has the offset ${String(offset)}, the shape [${String(shape)}] and the strides [${String(strides)}]`,
    );
  const tensor = new TorchTensor(known, offset as number, [...shape], [...strides]);
  const fits = tensor.range[1] <= known.elements && tensor.elements <= Math.max(known.elements, MOST_REPEATED);
  if (!fits)
    throw new Error(
      `a tensor of shape [${String(shape)}] and strides [${String(strides)}] from ` +
        `${String(offset)} on does not fit its storage of ${known.elements} elements`,
    );
  return tensor;
}

/** What carries no weights but stands in checkpoints: it becomes null. */
const inert = [
  'numpy.core.multiarray.scalar',
  'numpy._core.multiarray.scalar',
  'numpy.dtype',
  '_codecs.encode',
  'torch.device',
];

const rebuild: Builder = ([storage, offset, shape, strides]) => checkedTensor(storage, offset, shape, strides);

export const torchBuilders: ReadonlyMap<string, Builder> = new Map<string, Builder>([
  ['collections.OrderedDict', ([pairs = []]) => new Map(pairs as [PickleValue, PickleValue][])],
  ['torch._utils._rebuild_tensor', rebuild],
  ['torch._utils._rebuild_tensor_v2', rebuild],
  ['torch._utils._rebuild_parameter', ([tensor]) => tensor],
  ['torch._utils._rebuild_parameter_with_state', ([tensor]) => tensor],
  ['torch.Size', ([sizes]) => sizes],
  ...['builtins.set', '__builtin__.set'].map((name): [string, Builder] => [
    name,
    ([values = []]) => new Set(values as PickleValue[]),
  ]),
  ...Object.entries(storageTypes).flatMap(([name, dtype]): [string, Builder][] =>
    ['torch', 'torch.storage', 'torch.cuda'].map((module) => [`${module}.${name}`, storageClass(dtype)]),
  ),
  ...Object.keys(storageTypes).flatMap((name): [string, Builder][] =>
    ['torch', 'torch.cuda'].map((module) => [`${module}.${name.replace('Storage', 'Tensor')}`, () => null]),
  ),
  ...dtypeNames.map((name): [string, Builder] => [`torch.${name}`, () => null]),
  ...inert.map((name): [string, Builder] => [name, () => null]),
]);

/** The rules for a pickle that keeps nothing outside of itself. */
export const plainRules: PickleRules = {
  builders: torchBuilders,
  persistent: () => {
    throw new Error('it refers to an object outside of itself');
  },
};

/**
 * What a checkpoint of weights does not come near, and what a file made to exhaust its reader would
 * pass.
 */
const MOST_OBJECTS = 10_000_000;
const DEEPEST = 100;

/** Tensors at any depth, nested names joined by "."; what is no tensor is left out. */
export function namedTensors(root: PickleValue): Map<string, TorchTensor> {
  const found = new Map<string, TorchTensor>();
  const path = new Set<PickleValue>(); // containers that we are in: a list may contain itself
  let objects = 0;
  const visit = (value: PickleValue, name: string): void => {
    if (value instanceof TorchTensor) found.set(name, value);
    if (!(value instanceof Map || Array.isArray(value)) || path.has(value)) return;
    path.add(value);
    if (path.size > DEEPEST) throw new Error(`its containers are nested deeper than ${DEEPEST}`);
    const entries: Iterable<[PickleValue, PickleValue]> = value.entries();
    for (const [key, item] of entries) {
      if (++objects > MOST_OBJECTS) throw new Error(`it holds more than ${MOST_OBJECTS} objects`);
      if (['string', 'number', 'bigint'].includes(typeof key))
        visit(item, name ? `${name}.${String(key)}` : String(key));
    }
    path.delete(value);
  };
  visit(root, '');
  return found;
}
