/** The tensors of an object from a pickle, by dotted names as a state dict of PyTorch has them. */
import { numpyTensor } from './numpy-arrays';
import type { PickleValue } from './pickle';
import { InertObject } from './python-objects';
import { TorchTensor, UnreadableTensor } from './torch-objects';

export type NamedTensor = TorchTensor | UnreadableTensor;

/**
 * What a checkpoint of weights does not come near, and what a file made to exhaust its reader would
 * pass.
 */
const MOST_OBJECTS = 10_000_000;
const MOST_LETTERS = 1 << 26;
const DEEPEST = 100;

/** What a module of PyTorch keeps its children in; their names do not occur in a state dict. */
const MODULE_FIELDS = new Set<PickleValue>(['_parameters', '_buffers', '_modules']);

/**
 * Tensors at any depth, nested names joined by "."; what is no tensor is left out. Of an object of
 * an unknown class, what it holds counts: attributes, items and arguments; so a pickled module has
 * the names of its state dict. Arrays of numpy count as tensors where there is no tensor at all, as
 * in the files of detectron2; beside tensors they are curves and the like.
 */
export function namedTensors(root: PickleValue): Map<string, NamedTensor> {
  const tensors = new Search((value) =>
    value instanceof TorchTensor || value instanceof UnreadableTensor ? value : undefined,
  ).run(root);
  return tensors.size > 0 ? tensors : new Search(numpyTensor).run(root);
}

type Container = ReadonlyMap<PickleValue, PickleValue> | readonly PickleValue[];

class Search {
  private readonly found = new Map<string, NamedTensor>();
  /** The keys that lead to where we are. */
  private readonly keys: (string | number)[] = [];
  /** Containers that we are in: a list may contain itself. */
  private readonly path = new Set<PickleValue>();
  /** Objects of other classes refer to each other without end; each is looked at once. */
  private readonly seen = new Set<InertObject>();
  /** Containers without a tensor, and how many objects they hold: met again, they are only counted. */
  private readonly barren = new Map<PickleValue, number>();
  private objects = 0;
  private letters = 0;

  constructor(private readonly tensorOf: (value: PickleValue) => NamedTensor | undefined) {}

  run(root: PickleValue): Map<string, NamedTensor> {
    this.visit(root);
    return this.found;
  }

  private visit(value: PickleValue): void {
    if (typeof value !== 'object' || value === null) return;
    const tensor = this.tensorOf(value);
    if (tensor) return this.add(tensor);
    if (!(value instanceof Map || Array.isArray(value) || value instanceof InertObject) || this.path.has(value)) return;
    const known = this.barren.get(value);
    if (known !== undefined) return this.count(known);
    const [objects, tensors] = [this.objects, this.found.size];
    this.path.add(value);
    if (this.path.size > DEEPEST) throw new Error(`its containers are nested deeper than ${DEEPEST}`);
    if (value instanceof InertObject) this.visitObject(value);
    else this.visitAll(value);
    this.path.delete(value);
    if (this.found.size === tensors) this.barren.set(value, this.objects - objects);
  }

  private count(objects: number): void {
    this.objects += objects;
    if (this.objects > MOST_OBJECTS) throw new Error(`it holds more than ${MOST_OBJECTS} objects`);
  }

  private add(tensor: NamedTensor): void {
    const letters = this.keys.reduce<number>((sum, key) => sum + String(key).length + 1, 0);
    if ((this.letters += letters) > MOST_LETTERS)
      throw new Error(`the names of its tensors have more than ${MOST_LETTERS} letters`);
    const name = this.keys.join('.');
    if (this.found.has(name)) throw new Error(`two of its tensors are called "${name.slice(0, 200)}"`);
    this.found.set(name, tensor);
  }

  private visitAll(container: Container): void {
    container.forEach((item: PickleValue, key: PickleValue) => this.visitItem(key, item));
  }

  private visitItem(key: PickleValue, item: PickleValue): void {
    this.count(1);
    if (typeof item !== 'object' || item === null) return;
    const name = nameOf(key);
    if (name === undefined) return;
    this.keys.push(name);
    this.visit(item);
    this.keys.pop();
  }

  private visitObject(object: InertObject): void {
    const { args, state, items, list } = object;
    if (!isModule(state)) {
      if (this.seen.has(object)) return;
      this.seen.add(object);
    }
    this.visitAll(args);
    if (state instanceof Map) this.visitAttributes(state);
    else if (isSlots(state)) state.forEach((part) => part && this.visitAttributes(part));
    else this.visit(state);
    if (items) this.visitAll(items);
    if (list) this.visitAll(list);
  }

  private visitAttributes(attributes: ReadonlyMap<PickleValue, PickleValue>): void {
    for (const [key, value] of attributes) {
      if (MODULE_FIELDS.has(key) && value instanceof Map) this.visitAll(value);
      else this.visitItem(key, value);
    }
  }
}

/** A key as Python's `str` gives it; none for those that are objects. */
function nameOf(key: PickleValue): string | number | undefined {
  if (typeof key === 'string' || typeof key === 'number') return key;
  if (typeof key === 'boolean') return key ? 'True' : 'False';
  return key === null ? 'None' : undefined;
}

/** Parts of a module may have two names, as those of a dict may; a state dict lists both. */
const isModule = (state: PickleValue): boolean =>
  state instanceof Map && state.has('_parameters') && state.has('_modules');

/** How Python pickles attributes of a class with `__slots__`: (dict or None, dict). */
const isSlots = (state: PickleValue): state is [Map<unknown, unknown> | null, Map<unknown, unknown>] =>
  Array.isArray(state) &&
  state.length === 2 &&
  (state[0] === null || state[0] instanceof Map) &&
  state[1] instanceof Map;
