/**
 * The single stream of PyTorch before 1.6: three small pickles, the object, the list of storages,
 * then each storage behind its length.
 */
import type { FileHandle } from 'node:fs/promises';
import { ByteReader } from './file-bytes';
import { readPickle } from './pickle';
import { dtypeOf, plainRules, torchBuilders, type Storage } from './torch-objects';
import type { TorchFile } from './torch';
import { BYTES } from './typed-data';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

export function openLegacy(file: FileHandle, path: string, size: number): TorchFile {
  const input = new ByteReader(file.fd, path, 0, size);
  if (readPickle(input, plainRules) !== MAGIC) throw new Error('it is a pickle, but none of torch.save');
  const protocol = readPickle(input, plainRules);
  if (protocol !== PROTOCOL) throw new Error(`its protocol is ${String(protocol)}, not ${PROTOCOL}`);
  const system = readPickle(input, plainRules) as Map<string, unknown>;
  if (system.get('little_endian') === false) throw new Error('its numbers are big-endian');
  const storages = new Map<string, Storage>();
  const persistent = (id: unknown): unknown => {
    const [kind, type, key, , elements, view] = Array.isArray(id) ? (id as unknown[]) : [];
    if (kind === 'module') return (id as unknown[])[1];
    if (kind !== 'storage' || !Number.isSafeInteger(elements))
      throw new Error('it refers to an object that is no storage');
    const whole: Storage = { key: String(key), dtype: dtypeOf(type), elements: elements as number, offset: 0 };
    storages.set(whole.key, storages.get(whole.key) ?? whole);
    if (!Array.isArray(view)) return whole;
    const [, offset, count] = view as [unknown, number, number];
    if (!(offset >= 0 && count >= 0 && offset + count <= whole.elements))
      throw new Error(`a part of storage ${whole.key} lies outside of it`);
    return { ...whole, elements: count, offset };
  };
  const root = readPickle(input, { builders: torchBuilders, persistent });
  const positions = new Map<string, number>();
  for (const key of readPickle(input, plainRules) as unknown[]) {
    const storage = storages.get(String(key));
    if (!storage) throw new Error(`storage ${String(key)} belongs to no tensor`);
    const elements = Number(input.bytes(8).readBigInt64LE());
    if (elements !== storage.elements)
      throw new Error(
        `storage ${String(key)} has ${elements} elements in one place and ${storage.elements} in another`,
      );
    positions.set(storage.key, input.position);
    input.position += elements * BYTES[storage.dtype];
    if (input.position > size)
      throw new Error(`cut off: storage ${String(key)} ends at byte ${input.position}, the file has ${size}`);
  }
  return {
    root,
    positionOf({ key }) {
      const position = positions.get(key);
      if (position === undefined) throw new Error(`${path}: storage ${key} is missing`);
      return position;
    },
  };
}
