/** Python's own containers and bytes, where a pickle makes them by a call of their class. */
import type { Builder, PickleValue } from './pickle';
import { COST, type PickleMemory } from './pickle-memory';
import { InertObject, PythonName } from './python-objects';

/** dict(), dict(mapping), dict(pairs) */
function dict(source: PickleValue, memory: PickleMemory): Map<PickleValue, PickleValue> {
  if (source === undefined || source === null) return new Map();
  if (!(source instanceof Map) && !Array.isArray(source)) throw new Error('it makes a dict of what is none');
  const size = source instanceof Map ? source.size : source.length;
  memory.take(COST.map + COST.entry * size);
  if (source instanceof Map) return new Map(source);
  return new Map(
    source.map((pair: PickleValue): [PickleValue, PickleValue] => {
      if (!Array.isArray(pair) || pair.length !== 2) throw new Error('it makes a dict of what are no pairs');
      return [pair[0], pair[1]];
    }),
  );
}

/** list(), list(iterable) and its like. */
function list(source: PickleValue, memory: PickleMemory): PickleValue[] {
  if (source === undefined) return [];
  if (!Array.isArray(source) && !(source instanceof Set)) throw new Error('it makes a list of what is none');
  memory.take(COST.list + COST.slot * (source instanceof Set ? source.size : source.length));
  return [...(source as Iterable<PickleValue>)];
}

function set(source: PickleValue, memory: PickleMemory): Set<PickleValue> {
  const values = list(source, memory);
  memory.take(COST.map + COST.entry * values.length);
  return new Set(values);
}

/** codecs.encode(text, 'latin1'): how protocols before 3 write bytes. */
function encode([text, encoding]: PickleValue[], memory: PickleMemory): Uint8Array {
  if (text instanceof Uint8Array) return text;
  if (typeof text !== 'string') throw new Error('it encodes what is no text');
  memory.take(COST.bytes + 2 * text.length);
  return Buffer.from(text, encoding === 'latin1' || encoding === 'latin-1' ? 'latin1' : 'utf8');
}

/** bytes(), bytearray(bytes), bytearray(text, 'latin-1') */
const bytes: Builder = (args, memory) =>
  args.length === 0 ? new Uint8Array(0) : Array.isArray(args[0]) ? args[0] : encode(args, memory);

/** Protocols 0 and 1: an object of a class that stands on `base`, which gets `state` of it. */
const reconstructor: Builder = ([type, , state]) => {
  const object = new InertObject(type instanceof PythonName ? type.name : 'object', []);
  if (state instanceof Map) object.items = state;
  else if (Array.isArray(state)) object.list = state;
  return object;
};

/** A class has another module in Python 2 and in protocols before 3. */
const everywhere = (modules: string[], name: string, builder: Builder): [string, Builder][] =>
  modules.map((module) => [`${module}.${name}`, builder]);
const builtins = ['builtins', '__builtin__'];

export const pythonBuilders: readonly [string, Builder][] = [
  ['collections.OrderedDict', ([pairs], memory) => dict(pairs, memory)],
  ['collections.defaultdict', ([, pairs], memory) => dict(pairs, memory)],
  ['collections.Counter', ([counts], memory) => dict(counts, memory)],
  ...everywhere(builtins, 'dict', ([pairs], memory) => dict(pairs, memory)),
  ...everywhere(builtins, 'list', ([values], memory) => list(values, memory)),
  ...everywhere(builtins, 'tuple', ([values], memory) => list(values, memory)),
  ...everywhere(builtins, 'set', ([values], memory) => set(values, memory)),
  ...everywhere(builtins, 'frozenset', ([values], memory) => set(values, memory)),
  ...everywhere(builtins, 'bytes', bytes),
  ...everywhere(builtins, 'bytearray', bytes),
  ...everywhere(['_codecs', 'codecs'], 'encode', encode),
  ...everywhere(['copyreg', 'copy_reg'], '_reconstructor', reconstructor),
];
