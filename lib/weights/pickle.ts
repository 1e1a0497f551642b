/**
 * Reads Python pickles as data. A pickle is a program for a small stack machine which may name any
 * Python callable and call it; here the names that it may use are those of a table, each standing
 * for a function of ours that builds data, and every other name is an error. So nothing that a file
 * says is ever executed.
 *
 * What comes out: None null, int number or bigint, str string, bytes Uint8Array, list and tuple
 * arrays, dict Map, set Set.
 */
import type { ByteReader } from './file-bytes';

export type PickleValue = unknown;
/** What stands for a Python callable or class: makes a value of the arguments. */
export type Builder = (args: PickleValue[]) => PickleValue;

export interface PickleRules {
  /** By "module.name". */
  builders: ReadonlyMap<string, Builder>;
  /** What stands for an object that the pickle keeps outside of itself. */
  persistent(id: PickleValue): PickleValue;
}

const MARK = Symbol('mark');
/** Objects that the stack may hold at once. */
const MOST = 50_000_000;

class Machine {
  private readonly stack: PickleValue[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(private readonly input: ByteReader, private readonly rules: PickleRules) {}

  run(): PickleValue {
    for (;;) {
      const at = this.input.position;
      const code = this.input.byte();
      if (code === 0x2e) return this.pop(); // STOP
      const operation = operations.get(String.fromCharCode(code));
      if (!operation) throw this.wrong(at, `0x${code.toString(16)} is no instruction of a pickle`);
      if (this.stack.length > MOST) throw this.wrong(at, 'it piles up too many objects');
      operation(this);
    }
  }

  wrong(at: number, what: string): Error {
    return new Error(`${this.input.path}: not a pickle that can be read: ${what} (byte ${at})`);
  }

  error(what: string): Error {
    return this.wrong(this.input.position, what);
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  pop(): PickleValue {
    if (this.stack.length === 0) throw this.error('its stack is empty');
    return this.stack.pop();
  }

  top(): PickleValue {
    if (this.stack.length === 0) throw this.error('its stack is empty');
    return this.stack[this.stack.length - 1];
  }

  /** All above the last mark, which goes too. */
  popToMark(): PickleValue[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw this.error('a mark is missing');
    const values = this.stack.splice(mark + 1);
    this.stack.pop();
    return values;
  }

  mark(): void {
    this.stack.push(MARK);
  }

  put(key: number): void {
    this.memo.set(key, this.top());
  }

  memoize(): void {
    this.put(this.memo.size);
  }

  get(key: number): void {
    if (!this.memo.has(key)) throw this.error(`nothing was remembered as ${key}`);
    this.push(this.memo.get(key));
  }

  /** Little-endian, without sign. */
  uint(bytes: 1 | 2 | 4 | 8): number {
    const value = this.input.bytes(bytes);
    return bytes === 8 ? Number(value.readBigUInt64LE()) : value.readUIntLE(0, bytes);
  }

  bytes(count: number): Buffer {
    return this.input.bytes(count);
  }

  line(): string {
    return this.input.line();
  }

  text(count: number): string {
    return this.input.bytes(count).toString('utf8');
  }

  builder(module: PickleValue, name: PickleValue): void {
    const full = `${String(module)}.${String(name)}`;
    const builder = this.rules.builders.get(full);
    if (!builder)
      throw this.error(
        `it names ${full}, which is none of the few that weights need; nothing of the file was executed`,
      );
    this.push(builder);
  }

  call(args: PickleValue, builder: PickleValue): void {
    if (typeof builder !== 'function' || !Array.isArray(args)) throw this.error('it calls what cannot be called');
    this.push((builder as Builder)(args));
  }

  persistent(id: PickleValue): void {
    this.push(this.rules.persistent(id));
  }

  setItems(pairs: PickleValue[]): void {
    const target = this.top();
    if (!(target instanceof Map) || pairs.length % 2) throw this.error('it sets items of what is no dict');
    for (let i = 0; i < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  }

  append(values: PickleValue[]): void {
    const target = this.top();
    if (!Array.isArray(target)) throw this.error('it appends to what is no list');
    for (const value of values) target.push(value);
  }
}

/** Two's complement, little-endian, of any length. */
function long(bytes: Buffer): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  if (bytes.length > 0 && bytes[bytes.length - 1] & 0x80) value -= 1n << BigInt(8 * bytes.length);
  return short(value);
}

const short = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

/** A Python string literal of protocol 0; escapes of ASCII only occur in old checkpoints. */
function unquoted(line: string): string {
  const quote = line[0];
  if (line.length < 2 || (quote !== "'" && quote !== '"') || !line.endsWith(quote))
    throw new Error(`${line} is no string`);
  return line.slice(1, -1).replace(/\\(['"\\])/g, '$1');
}

const integerLine = (line: string): number | bigint | boolean =>
  line === '00' ? false : line === '01' ? true : short(BigInt(line.replace(/L$/, '')));
const tuple = (count: number) => (m: Machine): void => m.push(Array.from({ length: count }, () => m.pop()).reverse());

/** By instruction, in the order of Python's pickletools. */
const operations = new Map<string, (m: Machine) => void>([
  ['I', (m) => m.push(integerLine(m.line()))],
  ['J', (m) => m.push(m.bytes(4).readInt32LE())],
  ['K', (m) => m.push(m.uint(1))],
  ['M', (m) => m.push(m.uint(2))],
  ['L', (m) => m.push(integerLine(m.line()))],
  ['\x8a', (m) => m.push(long(m.bytes(m.uint(1))))],
  ['\x8b', (m) => m.push(long(m.bytes(m.uint(4))))],
  ['S', (m) => m.push(unquoted(m.line()))],
  ['T', (m) => m.push(m.text(m.uint(4)))],
  ['U', (m) => m.push(m.text(m.uint(1)))],
  ['B', (m) => m.push(new Uint8Array(m.bytes(m.uint(4))))],
  ['C', (m) => m.push(new Uint8Array(m.bytes(m.uint(1))))],
  ['\x8e', (m) => m.push(new Uint8Array(m.bytes(m.uint(8))))],
  ['N', (m) => m.push(null)],
  ['\x88', (m) => m.push(true)],
  ['\x89', (m) => m.push(false)],
  ['V', (m) => m.push(m.line())],
  ['\x8c', (m) => m.push(m.text(m.uint(1)))],
  ['X', (m) => m.push(m.text(m.uint(4)))],
  ['\x8d', (m) => m.push(m.text(m.uint(8)))],
  ['F', (m) => m.push(Number(m.line()))],
  ['G', (m) => m.push(m.bytes(8).readDoubleBE())],
  [']', (m) => m.push([])],
  [
    'a',
    (m) => {
      const value = m.pop();
      m.append([value]);
    },
  ],
  ['e', (m) => m.append(m.popToMark())],
  ['l', (m) => m.push(m.popToMark())],
  [')', (m) => m.push([])],
  ['t', (m) => m.push(m.popToMark())],
  ['\x85', tuple(1)],
  ['\x86', tuple(2)],
  ['\x87', tuple(3)],
  ['}', (m) => m.push(new Map())],
  [
    'd',
    (m) => {
      const pairs = m.popToMark();
      m.push(new Map());
      m.setItems(pairs);
    },
  ],
  [
    's',
    (m) => {
      const value = m.pop();
      const key = m.pop();
      m.setItems([key, value]);
    },
  ],
  ['u', (m) => m.setItems(m.popToMark())],
  ['\x8f', (m) => m.push(new Set())],
  [
    '\x90',
    (m) => {
      const values = m.popToMark();
      const set = m.top();
      if (!(set instanceof Set)) throw m.error('it adds to what is no set');
      values.forEach((value) => set.add(value));
    },
  ],
  ['\x91', (m) => m.push(new Set(m.popToMark()))],
  ['0', (m) => void m.pop()],
  ['2', (m) => m.push(m.top())],
  ['(', (m) => m.mark()],
  ['1', (m) => void m.popToMark()],
  ['g', (m) => m.get(Number(m.line()))],
  ['h', (m) => m.get(m.uint(1))],
  ['j', (m) => m.get(m.uint(4))],
  ['p', (m) => m.put(Number(m.line()))],
  ['q', (m) => m.put(m.uint(1))],
  ['r', (m) => m.put(m.uint(4))],
  ['\x94', (m) => m.memoize()],
  [
    'c',
    (m) => {
      const module = m.line();
      m.builder(module, m.line());
    },
  ],
  [
    '\x93',
    (m) => {
      const name = m.pop();
      m.builder(m.pop(), name);
    },
  ],
  [
    'R',
    (m) => {
      const args = m.pop();
      m.call(args, m.pop());
    },
  ],
  ['b', (m) => void m.pop()], // attributes of an object, such as `_metadata` of a state dict: of no use here
  [
    '\x81',
    (m) => {
      const args = m.pop();
      m.call(args, m.pop());
    },
  ],
  [
    '\x80',
    (m) => {
      const version = m.uint(1);
      if (version > 5) throw m.error(`protocol ${version} is newer than 5`);
    },
  ],
  ['\x95', (m) => void m.uint(8)], // how long a frame is
  ['P', (m) => m.persistent(m.line())],
  ['Q', (m) => m.persistent(m.pop())],
]);

/** The object of one pickle; `input` stands behind it afterwards. */
export function readPickle(input: ByteReader, rules: PickleRules): PickleValue {
  return new Machine(input, rules).run();
}
