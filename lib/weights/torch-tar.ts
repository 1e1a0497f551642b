/**
 * The tar of PyTorch's first versions: members `storages`, `tensors` and `pickle`, in which objects
 * are known by numbers.
 */
import type { FileHandle } from 'node:fs/promises';
import { ByteReader } from './file-bytes';
import { readPickle } from './pickle';
import { checkedTensor, dtypeOf, plainRules, torchBuilders, type Storage } from './torch-objects';
import type { TorchFile } from './torch';
import { BYTES } from './typed-data';

const BLOCK = 512;

/** A reader of each plain member, by name. */
function members(descriptor: number, path: string, size: number): Map<string, ByteReader> {
  const found = new Map<string, ByteReader>();
  for (let position = 0; position + BLOCK <= size;) {
    const header = new ByteReader(descriptor, path, position, size).bytes(BLOCK);
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
    const [key, , type] = readPickle(input, plainRules) as unknown[];
    const storage: Storage = {
      key: String(key),
      dtype: dtypeOf(type),
      elements: Number(input.bytes(8).readBigInt64LE()),
      offset: 0,
    };
    positions.set(storage.key, input.position);
    objects.set(storage.key, storage);
    input.position += storage.elements * BYTES[storage.dtype];
    if (!(storage.elements >= 0) || input.position > input.end) throw new Error(`storage ${storage.key} is cut off`);
  }
  for (const [target, root, offset, elements] of readPickle(input, plainRules) as [
    unknown,
    unknown,
    number,
    number,
  ][]) {
    const whole = objects.get(String(root)) as Storage | undefined;
    if (!whole || !(offset >= 0 && elements >= 0 && offset + elements <= whole.elements))
      throw new Error(`a part of storage ${String(root)} lies outside of it`);
    objects.set(String(target), { ...whole, elements, offset: whole.offset + offset });
  }
}

/**
 * Each tensor: a pickle of (key, storage, type), the number of its axes, shape, strides and offset,
 * eight bytes each.
 */
function readTensors(input: ByteReader, objects: Map<string, unknown>): void {
  const count = readPickle(input, plainRules) as number;
  for (let i = 0; i < count; i++) {
    const [key, storage] = readPickle(input, plainRules) as unknown[];
    const axes = input.bytes(8).readInt32LE();
    const sizes = (length: number): number[] => Array.from({ length }, () => Number(input.bytes(8).readBigInt64LE()));
    const [shape, strides] = [sizes(axes), sizes(axes)];
    objects.set(String(key), checkedTensor(objects.get(String(storage)), sizes(1)[0], shape, strides));
  }
}
