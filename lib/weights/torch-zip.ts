/** The zip of PyTorch 1.6 and later: `data.pkl`, and a stored (not compressed) entry a storage. */
import type { FileHandle } from 'node:fs/promises';
import { fromFdPromise } from 'yauzl';
import { ByteReader } from './file-bytes';
import { readPickle } from './pickle';
import { dtypeOf, torchBuilders, type Storage } from './torch-objects';
import type { TorchFile } from './torch';
import { BYTES } from './typed-data';

interface Place {
  position: number;
  bytes: number;
}

/** Where the entries lie, by their names without the archive's folder. */
async function places(file: FileHandle): Promise<Map<string, Place>> {
  const zip = await fromFdPromise(file.fd, { lazyEntries: true, autoClose: false });
  const found = new Map<string, Place>();
  for await (const entry of zip.eachEntry()) {
    if (entry.compressionMethod !== 0)
      throw new Error(`its entry ${entry.fileName} is compressed, which torch.save never does`);
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    found.set(entry.fileName.slice(entry.fileName.indexOf('/') + 1), {
      position: fileDataStart,
      bytes: entry.uncompressedSize,
    });
  }
  return found;
}

export async function openZip(file: FileHandle, path: string): Promise<TorchFile> {
  const entries = await places(file);
  const place = (name: string): Place => {
    const found = entries.get(name);
    if (!found) throw new Error(`it has no entry "${name}"`);
    return found;
  };
  if (entries.has('constants.pkl'))
    throw new Error('it is a TorchScript program, not a checkpoint: save the state_dict of the model');
  const { position, bytes } = place('data.pkl');
  const read = (at: Place): ByteReader => new ByteReader(file.fd, path, at.position, at.position + at.bytes);
  const order = entries.get('byteorder');
  if (order && read(order).bytes(order.bytes).toString() !== 'little') throw new Error('its numbers are big-endian');
  const persistent = (id: unknown): Storage => {
    const [kind, type, key, , elements] = Array.isArray(id) ? (id as unknown[]) : [];
    if (kind !== 'storage') throw new Error('it refers to an object that is no storage');
    const dtype = dtypeOf(type);
    const { bytes: available } = place(`data/${String(key)}`);
    if (!Number.isSafeInteger(elements) || available !== (elements as number) * BYTES[dtype])
      throw new Error(`storage ${String(key)} has ${available} bytes for ${String(elements)} elements of ${dtype}`);
    return { key: String(key), dtype, elements: elements as number, offset: 0 };
  };
  const root = readPickle(new ByteReader(file.fd, path, position, position + bytes), {
    builders: torchBuilders,
    persistent,
  });
  return { root, positionOf: ({ key }) => place(`data/${key}`).position };
}
