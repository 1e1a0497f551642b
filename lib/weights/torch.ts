/**
 * Reads the files of `torch.save` without Python: the zip of PyTorch 1.6 and later, the single
 * stream before it, and the tar of the first versions. Pickles are read as data (see pickle.ts),
 * tensors straight from their place in the file, one after the other, so that no more than the
 * result is in memory.
 */
import type { FileHandle } from 'node:fs/promises';
import { readBytes, withFile } from './file-bytes';
import { openLegacy } from './torch-legacy';
import { namedTensors, type Storage, type TorchTensor } from './torch-objects';
import { openTar } from './torch-tar';
import { openZip } from './torch-zip';
import { BYTES, readAll, readData, type StoredTensor, type TensorData, type TensorFile } from './typed-data';

/** The object of a file, and where its storages lie. */
export interface TorchFile {
  root: unknown;
  /** First byte of a storage that is no part of another. */
  positionOf(storage: Storage): number;
}

export interface TorchOptions {
  /**
   * Which tensors are read, by name; default all. An optimizer's state, for one, may be twice the
   * size of the weights.
   */
  select?(name: string): boolean;
}

/**
 * Every tensor of a checkpoint, by its name, nested names joined by ".":
 * "state_dict.backbone.conv1.weight".
 * @throws naming the file when it is no checkpoint, is cut off, names anything in Python but
 *   tensors and containers, or holds a tensor outside its storage
 */
export async function readTorchCheckpoint(
  path: string,
  { select }: TorchOptions = {},
): Promise<Map<string, StoredTensor>> {
  return withTorchCheckpoint(path, (tensors) => readAll(tensors, select));
}

/** Opens a checkpoint while `use` reads of it what it needs; throws as `readTorchCheckpoint` does. */
export async function withTorchCheckpoint<T>(path: string, use: (tensors: TensorFile) => Promise<T>): Promise<T> {
  return withFile(path, async (file, size) => {
    const { found, positionOf } = await openTorch(file, path, size);
    return use({
      shapes: new Map([...found].map(([name, { shape }]) => [name, shape])),
      async read(name) {
        const tensor = found.get(name)!;
        return {
          shape: tensor.shape,
          dtype: tensor.storage.dtype,
          data: await readTensor(file, path, tensor, positionOf(tensor.storage)),
        };
      },
    });
  });
}

/** The tensors of a file, by name, and where their storages lie. */
async function openTorch(
  file: FileHandle,
  path: string,
  size: number,
): Promise<{ found: Map<string, TorchTensor> } & Pick<TorchFile, 'positionOf'>> {
  try {
    const { root, positionOf } = await openContainer(file, path, size);
    return { found: namedTensors(root), positionOf };
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(path) ? error : new Error(`${path}: not a checkpoint that can be read: ${message}`);
  }
}

/** By the first bytes. */
async function openContainer(file: FileHandle, path: string, size: number): Promise<TorchFile> {
  const head = Buffer.alloc(Math.min(size, 262));
  await readBytes(file, path, head, 0);
  if (head.subarray(0, 4).toString('latin1') === 'PK\x03\x04') return openZip(file, path);
  if (head.subarray(257).toString('latin1') === 'ustar') return openTar(file, path, size);
  if (head[0] === 0x80) return openLegacy(file, path, size);
  throw new Error('it is neither a zip, nor a tar, nor a pickle');
}

async function readTensor(file: FileHandle, path: string, tensor: TorchTensor, start: number): Promise<TensorData> {
  const { storage, elements, contiguous } = tensor;
  const { dtype } = storage;
  const [first, end] = tensor.range;
  const position = start + (storage.offset + first) * BYTES[dtype];
  const data = await readData(file, path, { dtype, elements: end - first }, position);
  return contiguous ? data : gather(data, tensor, elements);
}

/** Elements in the order of rows, from what lies in the order of the strides. */
function gather(data: TensorData, { shape, strides }: TorchTensor, elements: number): TensorData {
  const result = new (data.constructor as new (length: number) => TensorData)(elements);
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < elements; i++) {
    result[i] = data[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}
