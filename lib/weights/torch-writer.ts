/**
 * Writes what `torch.load(file, weights_only=True)` reads: a zip of stored entries, `data.pkl` with
 * a dict of a text and a state dict, and an entry for each tensor's numbers, as PyTorch 1.6 and
 * later write it.
 */
import { ZipFile } from 'yazl';
import { writeAtomically } from '../core/atomic-file';
import type { ParameterEntry } from '../core/parameters';

/** The same bytes for the same tensors, whenever and wherever they are written. */
const ENTRY = { compress: false, mtime: new Date(1980, 0, 1), forceDosTimestamp: true };

/**
 * @param texts by name, beside the weights
 * @param weights contiguous float32 tensors by name; they become the dict `state_dict`
 */
export async function writeTorchCheckpoint(
  path: string,
  texts: Record<string, string>,
  weights: ReadonlyMap<string, ParameterEntry>,
): Promise<void> {
  const zip = new ZipFile();
  const add = (name: string, bytes: Buffer): void => zip.addBuffer(bytes, `archive/${name}`, ENTRY);
  add('data.pkl', pickled(texts, weights));
  add('byteorder', Buffer.from('little'));
  for (const [key, { data }] of [...weights.values()].entries())
    add(`data/${key}`, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  add('version', Buffer.from('3\n'));
  zip.end();
  await writeAtomically(path, async (file) => {
    for await (const piece of zip.outputStream) await file.write(piece as Buffer);
  });
}

/** Instructions of a pickle of protocol 2 (Python's pickletools documents them). */
const [MARK, TUPLE, EMPTY_TUPLE, EMPTY_DICT, SET_ITEMS, REDUCE] = '(t)}uR';
const [PERSISTENT, NEW_FALSE, STOP] = 'Q\x89.';
const PROTOCOL_2 = '\x80\x02';

/** { ...texts, state_dict: OrderedDict of tensors } */
function pickled(texts: Record<string, string>, weights: ReadonlyMap<string, ParameterEntry>): Buffer {
  const state = [...weights].flatMap(([name, entry], key) => [text(name), tensor(entry, key)]);
  const ordered = [global('collections', 'OrderedDict'), EMPTY_TUPLE, REDUCE, ...items(state)];
  const all = Object.entries(texts).flatMap(([name, value]) => [text(name), text(value)]);
  const parts = [PROTOCOL_2, EMPTY_DICT, ...items([...all, text('state_dict'), ...ordered]), STOP];
  return Buffer.from(parts.join(''), 'latin1');
}

/** Keys and values into the dict before them. */
const items = (values: readonly string[]): string[] => (values.length === 0 ? [] : [MARK, ...values, SET_ITEMS]);
const tuple = (...values: string[]): string => [MARK, ...values, TUPLE].join('');
const global = (module: string, name: string): string => `c${module}\n${name}\n`;

function text(value: string): string {
  const bytes = Buffer.from(value);
  return `X${integerBytes(bytes.length)}${bytes.toString('latin1')}`;
}

const integer = (value: number): string => `J${integerBytes(value)}`;

function integerBytes(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes.toString('latin1');
}

/** A call of `_rebuild_tensor_v2` on the storage `key`. */
function tensor({ shape, data }: ParameterEntry, key: number): string {
  const type = global('torch', 'FloatStorage');
  const storage = tuple(text('storage'), type, text(`${key}`), text('cpu'), integer(data.length));
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  const hooks = [global('collections', 'OrderedDict'), EMPTY_TUPLE, REDUCE].join('');
  const sides = (values: number[]): string => tuple(...values.map(integer));
  const args = tuple(storage, PERSISTENT, integer(0), sides(shape), sides(strides), NEW_FALSE, hooks);
  return [global('torch._utils', '_rebuild_tensor_v2'), args, REDUCE].join('');
}
