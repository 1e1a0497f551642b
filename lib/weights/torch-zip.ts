/** The zip of PyTorch 1.6 and later: `data.pkl`, and a stored (not compressed) entry a storage. */
import type { FileHandle } from 'node:fs/promises';
import type { Entry, ZipFile } from 'yauzl';
import { openArchive } from '../core/zip-archive';
import { ByteReader } from './file-bytes';
import { readPickle } from './pickle';
import { storageType, torchBuilders, type Storage } from './torch-objects';
import type { TorchFile } from './torch';
import { BYTES } from './typed-data';

interface Place {
  entry: Entry;
  bytes: number;
}

/** What one entry of the archive's directory takes in memory, and all of them may. */
const ENTRY_COST = 400;
const MOST_DIRECTORY = 1 << 28;

/** The entries by their names without the archive's folder. */
async function places(zip: ZipFile): Promise<Map<string, Place>> {
  const found = new Map<string, Place>();
  if (zip.entryCount * ENTRY_COST > MOST_DIRECTORY)
    throw new Error(`it has ${zip.entryCount} entries, more than any checkpoint`);
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName.slice(entry.fileName.indexOf('/') + 1);
    if (found.has(name)) throw new Error(`its entry ${name.slice(0, 100)} occurs twice`);
    found.set(name, { entry, bytes: entry.uncompressedSize });
  }
  return found;
}

export async function openZip(file: FileHandle, path: string, size: number): Promise<TorchFile> {
  const zip = await openArchive(file);
  const entries = await places(zip);
  const place = (name: string): Place => {
    const found = entries.get(name);
    if (!found) throw new Error(`it has no entry "${name.slice(0, 100)}"`);
    if (found.entry.compressionMethod !== 0)
      throw new Error(`its entry ${found.entry.fileName} is compressed, which torch.save never does`);
    return found;
  };
  const positionOf = async (name: string): Promise<number> => {
    const { entry, bytes } = place(name);
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    if (fileDataStart + bytes > size) throw new Error(`its entry ${entry.fileName} is cut off`);
    return fileDataStart;
  };
  const read = async (name: string): Promise<ByteReader> => {
    const position = await positionOf(name);
    return new ByteReader(file.fd, path, position, position + place(name).bytes);
  };
  if (entries.has('constants.pkl'))
    throw new Error('it is a TorchScript program, not a checkpoint: save the state_dict of the model');
  if (entries.has('byteorder') && (await read('byteorder')).bytes(place('byteorder').bytes).toString() !== 'little')
    throw new Error('its numbers are big-endian');
  const persistent = (id: unknown): Storage => {
    const [kind, type, key, , elements] = Array.isArray(id) ? (id as unknown[]) : [];
    if (kind !== 'storage' || (typeof key !== 'string' && typeof key !== 'number'))
      throw new Error('it refers to an object that is no storage');
    const known = storageType(type);
    const { bytes } = place(`data/${key}`);
    if (!Number.isSafeInteger(elements) || (known.dtype && bytes !== (elements as number) * BYTES[known.dtype]))
      throw new Error(
        `storage ${key} has ${bytes} bytes for ${String(elements)} elements of ${known.dtype ?? known.type}`,
      );
    return { ...known, key: String(key), elements: elements as number, start: 0 };
  };
  const root = readPickle(await read('data.pkl'), { builders: torchBuilders, persistent });
  return { root, positionOf: ({ key }) => positionOf(`data/${key}`) };
}
