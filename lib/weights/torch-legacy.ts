/**
 * The single stream of PyTorch before 1.6: three small pickles, the object, the list of storages,
 * then each storage behind its length.
 */
import type { FileHandle } from 'node:fs/promises';
import { ByteReader } from './file-bytes';
import { namedTensors } from './named-tensors';
import { readPickle } from './pickle';
import { plainRules, storagePart, storageType, torchBuilders, type Storage } from './torch-objects';
import type { TorchFile } from './torch';
import { BYTES } from './typed-data';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

export function openLegacy(file: FileHandle, path: string, size: number): TorchFile {
  const input = new ByteReader(file.fd, path, 0, size);
  const first = readPickle(input, plainRules);
  if (first !== MAGIC) {
    // One object, as pickle.dump writes it: its arrays stand in the pickle.
    if (namedTensors(first).size === 0) throw new Error('it is a pickle, but none of torch.save, and holds no array');
    return { root: first, positionOf: () => 0 };
  }
  const protocol = readPickle(input, plainRules);
  if (protocol !== PROTOCOL) throw new Error(`its protocol is not ${PROTOCOL}`);
  const system = readPickle(input, plainRules);
  if (system instanceof Map && system.get('little_endian') === false) throw new Error('its numbers are big-endian');
  const storages = new Map<string, Storage>();
  const persistent = (id: unknown): unknown => {
    const [kind, type, key, , elements, view] = Array.isArray(id) ? (id as unknown[]) : [];
    if (kind === 'module') return (id as unknown[])[1];
    if (kind !== 'storage' || !Number.isSafeInteger(elements) || !['string', 'number', 'bigint'].includes(typeof key))
      throw new Error('it refers to an object that is no storage');
    const whole: Storage = { ...storageType(type), key: String(key), elements: elements as number, start: 0 };
    storages.set(whole.key, storages.get(whole.key) ?? whole);
    return Array.isArray(view) ? storagePart(whole, whole.key, view[1], view[2]) : whole;
  };
  const root = readPickle(input, { builders: torchBuilders, persistent });
  const positions = new Map<string, number>();
  const keys = readPickle(input, plainRules);
  if (!Array.isArray(keys)) throw new Error('the list of its storages is missing');
  for (const key of keys as unknown[]) {
    const storage = storages.get(String(key));
    if (!storage) throw new Error('a storage belongs to no tensor');
    if (!storage.dtype) throw new Error(`storage ${storage.key} is a ${storage.type}, of unknown length`);
    const elements = Number(input.bytes(8).readBigInt64LE());
    if (elements !== storage.elements)
      throw new Error(
        `storage ${storage.key} has ${elements} elements in one place and ${storage.elements} in another`,
      );
    positions.set(storage.key, input.position);
    input.position += elements * BYTES[storage.dtype];
    if (input.position > size)
      throw new Error(`cut off: storage ${storage.key} ends at byte ${input.position}, the file has ${size}`);
  }
  return {
    root,
    positionOf({ key }) {
      const position = positions.get(key);
      if (position === undefined) throw new Error(`storage ${key} is missing`);
      return position;
    },
  };
}
