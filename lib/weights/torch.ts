/**
 * Reads the files of `torch.save` without Python: the zip of PyTorch 1.6 and later, the single
 * stream before it, and the tar of the first versions. Pickles are read as data (see pickle.ts),
 * tensors straight from their place in the file, one after the other, so that no more than the
 * result is in memory.
 */
import type { FileHandle } from 'node:fs/promises';
import { readBytes, withFile } from './file-bytes';
import { namedTensors, type NamedTensor } from './named-tensors';
import { openLegacy } from './torch-legacy';
import { TorchTensor, UnreadableTensor, type Storage } from './torch-objects';
import { openTar } from './torch-tar';
import { openZip } from './torch-zip';
import {
  BYTES, dataOf, readAll, readData, TensorWithoutData, type StoredTensor, type TensorData, type TensorFile,
} from './typed-data';

/** The object of a file, and where its storages lie. */
export interface TorchFile {
  root: unknown;
  /** First byte of a storage that is no part of another. */
  positionOf(storage: Storage): number | Promise<number>;
}

export interface TorchOptions {
  /**
   * Which tensors are read, by name; default all. An optimizer's state, for one, may be twice the
   * size of the weights.
   */
  select?(name: string): boolean;
}

/**
 * What all tensors together may take in memory: a small file can ask for the same numbers again and
 * again. Eight times the file leaves room for 8 bits as float32 and for two names of each.
 */
const allowed = (size: number): number => 2 ** 28 + 8 * size;

/**
 * Every tensor of a checkpoint, by its name, nested names joined by ".":
 * "state_dict.backbone.conv1.weight". What stands beside tensors may be of any class: it is passed
 * over, and nothing of it is executed.
 * @throws naming the file when it is no checkpoint, is cut off, names what attackers use, holds a
 *   tensor outside its storage, or asks for far more memory than it has bytes
 */
export async function readTorchCheckpoint(
  path: string,
  { select = () => true }: TorchOptions = {},
): Promise<Map<string, StoredTensor>> {
  return withTorchCheckpoint(path, async (tensors) => {
    const names = [...tensors.shapes.keys()].filter(select);
    const bytes = names.reduce((sum, name) => sum + tensors.bytesOf(name), 0);
    if (bytes > allowed(tensors.size))
      throw new Error(
        `${path}: its ${names.length} tensors would take ${bytes} bytes, out of a file of ${tensors.size}; ` +
          'select the ones that are needed',
      );
    const selected = new Set(names);
    return readAll(tensors, (name) => selected.has(name));
  });
}

interface TorchTensors extends TensorFile {
  /** Bytes of the file. */
  size: number;
  /** What reading a tensor takes: its numbers, and those between them. */
  bytesOf(name: string): number;
}

/** Opens a checkpoint while `use` reads of it what it needs; throws as `readTorchCheckpoint` does. */
export async function withTorchCheckpoint<T>(path: string, use: (tensors: TorchTensors) => Promise<T>): Promise<T> {
  return withFile(path, async (file, size) => {
    const { found, positionOf } = await named(path, openTorch(file, path, size));
    return use({
      size,
      shapes: new Map([...found].map(([name, { shape }]) => [name, shape])),
      bytesOf: (name) => bytesOf(found.get(name)!),
      async read(name) {
        const tensor = found.get(name)!;
        const { shape } = tensor;
        if (tensor instanceof UnreadableTensor)
          return new TensorWithoutData(shape, tensor.dtype, `${path}: tensor "${name}" ${tensor.why}`);
        const data = await named(path, readTensor(file, path, tensor, positionOf));
        return { shape, dtype: tensor.storage.dtype, data };
      },
    });
  });
}

/** The result of `work`; what it throws names the file. */
async function named<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(path) ? error : new Error(`${path}: not a checkpoint that can be read: ${message}`);
  }
}

/** The tensors of a file, by name, and where their storages lie. */
async function openTorch(
  file: FileHandle,
  path: string,
  size: number,
): Promise<{ found: Map<string, NamedTensor> } & Pick<TorchFile, 'positionOf'>> {
  const { root, positionOf } = await openContainer(file, path, size);
  return { found: namedTensors(root), positionOf };
}

/** By the first bytes. */
async function openContainer(file: FileHandle, path: string, size: number): Promise<TorchFile> {
  const head = Buffer.alloc(Math.min(size, 262));
  await readBytes(file, path, head, 0);
  if (head.subarray(0, 4).toString('latin1') === 'PK\x03\x04') return openZip(file, path, size);
  if (head.subarray(257).toString('latin1') === 'ustar') return openTar(file, path, size);
  // PROTO of protocol 2 and later, LONG of torch.save's magic number in protocol 1.
  if (head[0] === 0x80 || head.toString('latin1').startsWith('L1195')) return openLegacy(file, path, size);
  throw new Error('it is neither a zip, nor a tar, nor a pickle');
}

/** Bytes of a tensor in memory, widened, with those that lie between its numbers. */
function bytesOf(tensor: NamedTensor): number {
  if (tensor instanceof UnreadableTensor) return 0;
  const { elements, contiguous, range: [first, end] } = tensor;
  return (elements + (contiguous ? 0 : end - first)) * Math.max(4, BYTES[tensor.storage.dtype]);
}

async function readTensor(
  file: FileHandle,
  path: string,
  tensor: TorchTensor,
  positionOf: TorchFile['positionOf'],
): Promise<TensorData> {
  const { storage, elements, contiguous } = tensor;
  const { dtype, bytes } = storage;
  const [first, end] = tensor.range;
  const start = storage.start + first * BYTES[dtype];
  const data = bytes
    ? dataOf(bytes.subarray(start, start + (end - first) * BYTES[dtype]), dtype)
    : await readData(file, path, { dtype, elements: end - first }, (await positionOf(storage)) + start);
  return contiguous ? data : gather(data, tensor, elements);
}

/** Elements in the order of rows, from what lies in the order of the strides. */
function gather(data: TensorData, { shape, strides, storage }: TorchTensor, elements: number): TensorData {
  const numbers = storage.dtype === 'C64' || storage.dtype === 'C128' ? 2 : 1; // of one element
  const result = new (data.constructor as new (length: number) => TensorData)(numbers * elements);
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < elements; i++) {
    for (let part = 0; part < numbers; part++) result[numbers * i + part] = data[numbers * at + part];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}
