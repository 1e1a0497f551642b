/**
 * The tar of PyTorch's first versions: members `storages`, `tensors` and `pickle`, in which objects
 * are known by numbers.
 */
import type { FileHandle } from 'node:fs/promises';
import { ByteReader } from './file-bytes';
import { readPickle } from './pickle';
import { checkedTensor, plainRules, storagePart, storageType, torchBuilders, type Storage } from './torch-objects';
import type { TorchFile } from './torch';
import { BYTES } from './typed-data';

const BLOCK = 512;

/** A reader of each plain member, by name. */
function members(descriptor: number, path: string, size: number): Map<string, ByteReader> {
  const found = new Map<string, ByteReader>();
  const headers = new ByteReader(descriptor, path, 0, size);
  for (let position = 0; position + BLOCK <= size;) {
    headers.position = position;
    const header = headers.bytes(BLOCK);
    const text = (from: number, length: number): string =>
      header.toString('latin1', from, from + length).split('\0')[0];
    if (!text(0, 100)) break; // the end
    const bytes = parseInt(text(124, 12), 8);
    if (!(bytes >= 0) || position + BLOCK + bytes > size) throw new Error(`its member ${text(0, 100)} is cut off`);
    found.set(
      text(0, 100).replace(/^\.\//, ''),
      new ByteReader(descriptor, path, position + BLOCK, position + BLOCK + bytes),
    );
    position += BLOCK * (1 + Math.ceil(bytes / BLOCK));
  }
  return found;
}

export function openTar(file: FileHandle, path: string, size: number): TorchFile {
  const all = members(file.fd, path, size);
  const member = (name: string): ByteReader => {
    const found = all.get(name);
    if (!found) throw new Error(`it has no member "${name}"`);
    return found;
  };
  const objects = new Map<string, unknown>();
  const positions = new Map<string, number>();
  readStorages(member('storages'), objects, positions);
  readTensors(member('tensors'), objects);
  const persistent = (id: unknown): unknown => {
    if (Array.isArray(id)) return id[0];
    if (!objects.has(String(id))) throw new Error(`it refers to the object ${String(id)}, which is missing`);
    return objects.get(String(id));
  };
  const root = readPickle(member('pickle'), { builders: torchBuilders, persistent });
  return { root, positionOf: ({ key }) => positions.get(key)! };
}

/**
 * Each storage: a pickle of (key, location, type), its length, its numbers; at the end the parts of
 * storages that are storages of their own.
 */
function readStorages(input: ByteReader, objects: Map<string, unknown>, positions: Map<string, number>): void {
  const count = readPickle(input, plainRules) as number;
  for (let i = 0; i < count; i++) {
    const [key, , type] = tuple(readPickle(input, plainRules));
    const known = storageType(type);
    if (!known.dtype) throw new Error(`a storage is a ${known.type}, of unknown length`);
    const storage: Storage = {
      ...known,
      key: String(key),
      elements: Number(input.bytes(8).readBigInt64LE()),
      start: 0,
    };
    positions.set(storage.key, input.position);
    objects.set(storage.key, storage);
    input.position += storage.elements * BYTES[known.dtype];
    if (!(storage.elements >= 0) || input.position > input.end) throw new Error(`storage ${storage.key} is cut off`);
  }
  for (const part of tuple(readPickle(input, plainRules))) {
    const [target, root, offset, elements] = tuple(part);
    const whole = objects.get(String(root)) as Storage | undefined;
    objects.set(String(target), storagePart(whole, String(root), offset, elements));
  }
}

const tuple = (value: unknown): unknown[] => {
  if (!Array.isArray(value)) throw new Error('a tuple expected in its list of storages or tensors');
  return value as unknown[];
};

/**
 * Each tensor: a pickle of (key, storage, type), the number of its axes, shape, strides and offset,
 * eight bytes each.
 */
function readTensors(input: ByteReader, objects: Map<string, unknown>): void {
  const count = readPickle(input, plainRules) as number;
  for (let i = 0; i < count; i++) {
    const [key, storage] = tuple(readPickle(input, plainRules));
    const axes = input.bytes(8).readInt32LE();
    if (axes < 0 || axes > 64) throw new Error(`a tensor has ${axes} axes`);
    const sizes = (length: number): number[] => Array.from({ length }, () => Number(input.bytes(8).readBigInt64LE()));
    const [shape, strides] = [sizes(axes), sizes(axes)];
    objects.set(String(key), checkedTensor(objects.get(String(storage)), sizes(1)[0], shape, strides));
  }
}
