/**
 * Reads Python pickles as data. A pickle is a program for a small stack machine which may name any
 * Python callable and call it; here a few names stand for functions of ours that build data, those
 * that attackers use are an error, and every other call becomes an inert object. So nothing that a
 * file says is ever executed. Protocols 0 to 5.
 *
 * What comes out: None null, int number or bigint, str string, bytes Uint8Array, list and tuple
 * arrays, dict Map, set Set, a name PythonName or a Builder, all else InertObject.
 */
import type { ByteReader } from './file-bytes';
import { operations } from './pickle-operations';
import { COST, PickleMemory } from './pickle-memory';
import { InertObject, isDangerous, PythonName } from './python-objects';

export type PickleValue = unknown;
/** What stands for a Python callable or class: makes a value of the arguments. */
export type Builder = (args: PickleValue[], memory: PickleMemory) => PickleValue;

export interface PickleRules {
  /** By "module.name". */
  builders: ReadonlyMap<string, Builder>;
  /** What stands for an object that the pickle keeps outside of itself. */
  persistent(id: PickleValue): PickleValue;
}

const MARK = Symbol('mark');

/** Integers are compared by value, as Python does; bigints as dict keys would collide by the thousand. */
const hashable = (key: PickleValue): PickleValue => (typeof key === 'bigint' ? String(key) : key);

export class Machine {
  private readonly stack: PickleValue[] = [];
  /** By their keys, which Python counts up from 0; what comes in another order lies in `sparse`. */
  private readonly memo: PickleValue[] = [];
  private readonly sparse = new Map<number, PickleValue>();
  private readonly memory: PickleMemory;

  constructor(private readonly input: ByteReader, private readonly rules: PickleRules) {
    this.memory = new PickleMemory(input.end - input.position);
  }

  run(): PickleValue {
    for (;;) {
      const at = this.input.position;
      const code = this.input.byte();
      if (code === 0x2e) return this.pop(); // STOP
      const operation = operations[code];
      if (!operation) throw this.wrong(at, `0x${code.toString(16)} is no instruction of a pickle`);
      try {
        operation(this);
      } catch (error) {
        const { message } = error as Error;
        throw message.startsWith(this.input.path) ? error : this.wrong(at, message);
      }
    }
  }

  private wrong(at: number, what: string): Error {
    return new Error(`${this.input.path}: not a pickle that can be read: ${what} (byte ${at})`);
  }

  /** @param bytes that the value takes besides its place on the stack */
  push(value: PickleValue, bytes = 0): void {
    this.memory.take(COST.slot + bytes);
    this.stack.push(value);
  }

  pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  top(): PickleValue {
    if (this.stack.length === 0) throw new Error('its stack is empty');
    const value = this.stack[this.stack.length - 1];
    if (value === MARK) throw new Error('a mark stands where an object should');
    return value;
  }

  /** POP, which may take a mark, too. */
  drop(): void {
    if (this.stack.pop() === undefined) throw new Error('its stack is empty');
  }

  /** All above the last mark, which goes too. */
  popToMark(): PickleValue[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw new Error('a mark is missing');
    const values = this.stack.splice(mark + 1);
    this.stack.pop();
    return values;
  }

  mark(): void {
    this.push(MARK);
  }

  put(key: number): void {
    if (!Number.isSafeInteger(key)) throw new Error('it remembers an object as what is no number');
    if (key >= 0 && key <= this.memo.length) {
      this.memory.take(COST.slot);
      this.memo[key] = this.top();
    } else {
      this.memory.take(COST.entry);
      this.sparse.set(key, this.top());
    }
  }

  memoize(): void {
    this.put(this.memo.length + this.sparse.size);
  }

  get(key: number): void {
    if (key >= 0 && key < this.memo.length) this.push(this.memo[key]);
    else if (this.sparse.has(key)) this.push(this.sparse.get(key));
    else throw new Error(`nothing was remembered as ${key}`);
  }

  /** Little-endian, without sign. */
  uint(bytes: 1 | 2 | 4 | 8): number {
    if (bytes === 1) return this.input.byte();
    const value = this.input.bytes(bytes);
    return bytes === 8 ? Number(value.readBigUInt64LE()) : value.readUIntLE(0, bytes);
  }

  /** Of a number, which is gone when the instruction is done. */
  digits(bytes: 4 | 8): Buffer {
    return this.input.bytes(bytes);
  }

  bytes(count: number): Buffer {
    this.memory.take(COST.bytes + Math.min(count, this.input.end - this.input.position)); // fewer: cut off
    return this.input.bytes(count);
  }

  line(): Buffer {
    const line = this.input.line();
    this.memory.take(COST.bytes + line.length);
    return line;
  }

  /** A name in a file is data until it is called; what may not even stand there is refused here. */
  name(module: PickleValue, name: PickleValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw new Error('it names what is no text');
    const full = `${module}.${name}`;
    if (isDangerous(full))
      throw new Error(`it names ${full.slice(0, 200)}, by which files attack; nothing of the file was executed`);
    this.push(this.rules.builders.get(full) ?? new PythonName(full), COST.object + full.length);
  }

  /** REDUCE, NEWOBJ, INST, OBJ: our own builder is called, all else becomes an inert object. */
  call(callable: PickleValue, args: PickleValue): void {
    if (!Array.isArray(args)) throw new Error('it calls with what is no tuple of arguments');
    if (typeof callable === 'function') this.push((callable as Builder)(args, this.memory), COST.object);
    else if (callable instanceof PythonName) this.push(new InertObject(callable.name, args), COST.object);
    else if (callable instanceof InertObject) this.push(new InertObject(`${callable.type}()`, args), COST.object);
    else throw new Error('it calls what cannot be called');
  }

  /** BUILD: the state of an inert object is kept; that of a dict (`_metadata`) or a tensor is of no use here. */
  build(state: PickleValue): void {
    const target = this.top();
    if (target instanceof InertObject) target.state = state;
  }

  persistent(id: PickleValue): void {
    this.push(this.rules.persistent(id), COST.object);
  }

  setItems(pairs: PickleValue[]): void {
    const target = this.top();
    const items = target instanceof InertObject ? (target.items ??= new Map()) : target;
    if (!(items instanceof Map) || pairs.length % 2) throw new Error('it sets items of what is no dict');
    this.memory.take((COST.entry * pairs.length) / 2);
    for (let i = 0; i < pairs.length; i += 2) items.set(hashable(pairs[i]), pairs[i + 1]);
  }

  append(values: PickleValue[]): void {
    const target = this.top();
    const list = target instanceof InertObject ? (target.list ??= []) : target;
    if (!Array.isArray(list)) throw new Error('it appends to what is no list');
    for (const value of values) list.push(value);
  }

  addItems(values: PickleValue[]): void {
    const target = this.top();
    if (target instanceof InertObject) return this.append(values);
    if (!(target instanceof Set)) throw new Error('it adds to what is no set');
    this.memory.take(COST.entry * values.length);
    for (const value of values) target.add(hashable(value));
  }
}

/** The object of one pickle; `input` stands behind it afterwards. */
export function readPickle(input: ByteReader, rules: PickleRules): PickleValue {
  return new Machine(input, rules).run();
}
