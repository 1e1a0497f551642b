/** The instructions of Python's pickles, by their byte, in the order of Python's pickletools. */
import type { Machine, PickleValue } from './pickle';
import { COST } from './pickle-memory';
import { InertObject, PythonName } from './python-objects';

/** Of an integer; Python itself reads no more digits. Numbers of weights have a few bytes. */
const MOST_DIGITS = 4300;
const MOST_BYTES = 2048;

const short = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

/** Two's complement, little-endian. */
function long(m: Machine, length: number): void {
  if (length > MOST_BYTES) throw new Error(`an integer of ${length} bytes is no number of a checkpoint`);
  const hex = m.bytes(length).reverse().toString('hex');
  m.push(length === 0 ? 0 : short(BigInt.asIntN(8 * length, BigInt(`0x${hex}`))), length);
}

function integerLine(line: Buffer): number | bigint | boolean {
  const text = line.toString('latin1', 0, MOST_DIGITS + 3);
  if (text === '00' || text === '01') return text === '01';
  const [, digits] = /^([+-]?\d+)L?$/.exec(text) ?? [];
  if (digits === undefined || digits.length > MOST_DIGITS + 1)
    throw new Error(`${text.slice(0, 20)} is no integer of a checkpoint`);
  return short(BigInt(digits));
}

/** As Python writes them: "0.1", "inf", "-inf", "nan". */
const floatLine = (line: Buffer): number => Number(line.toString('latin1').replace('inf', 'Infinity'));

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** A Python 2 string literal of protocol 0. */
function quoted(line: Buffer): PickleValue {
  const literal = line.toString('latin1');
  const quote = literal[0];
  if (literal.length < 2 || (quote !== "'" && quote !== '"') || !literal.endsWith(quote))
    throw new Error(`${literal.slice(0, 20)} is no string`);
  const text = literal
    .slice(1, -1)
    .replace(/\\(x[0-9a-f]{2}|[0-7]{1,3}|.)/g, (_, escape: string) =>
      escape[0] === 'x' && escape.length === 3
        ? String.fromCharCode(parseInt(escape.slice(1), 16))
        : /^[0-7]/.test(escape)
          ? String.fromCharCode(parseInt(escape, 8) & 255)
          : (ESCAPES[escape] ?? escape),
    );
  return textOrBytes(Buffer.from(text, 'latin1'));
}

/** Python's raw-unicode-escape: Latin-1, and \uXXXX for what lies beyond. */
const unicodeLine = (line: Buffer): string =>
  line
    .toString('latin1')
    .replace(/\\u([0-9a-f]{4})|\\U(00(?:10|0[0-9a-f])[0-9a-f]{4})/gi, (_, four?: string, eight?: string) =>
      String.fromCodePoint(parseInt(four ?? eight!, 16)),
    );

/** Python 2 had one type for both: bytes that are no UTF-8 stay bytes. */
function textOrBytes(bytes: Buffer): PickleValue {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes : text;
}

const text = (m: Machine, count: number): void => m.push(m.bytes(count).toString('utf8'), COST.text);
const lineText = (m: Machine): string => m.line().toString('utf8');
const tuple = (count: number) => (m: Machine): void =>
  m.push(Array.from({ length: count }, () => m.pop()).reverse(), COST.tuple);

type Operation = (m: Machine) => void;
const byCode: [string, Operation][] = [
  ['I', (m) => m.push(integerLine(m.line()))],
  ['J', (m) => m.push(m.digits(4).readInt32LE())],
  ['K', (m) => m.push(m.uint(1))],
  ['M', (m) => m.push(m.uint(2))],
  ['L', (m) => m.push(integerLine(m.line()))],
  ['\x8a', (m) => long(m, m.uint(1))],
  ['\x8b', (m) => long(m, m.uint(4))],
  ['S', (m) => m.push(quoted(m.line()))],
  ['T', (m) => m.push(textOrBytes(m.bytes(m.uint(4))))],
  ['U', (m) => m.push(textOrBytes(m.bytes(m.uint(1))))],
  ['B', (m) => m.push(m.bytes(m.uint(4)))],
  ['C', (m) => m.push(m.bytes(m.uint(1)))],
  ['\x8e', (m) => m.push(m.bytes(m.uint(8)))],
  ['\x96', (m) => m.push(m.bytes(m.uint(8)))], // bytearray
  ['N', (m) => m.push(null)],
  ['\x88', (m) => m.push(true)],
  ['\x89', (m) => m.push(false)],
  ['V', (m) => m.push(unicodeLine(m.line()))],
  ['\x8c', (m) => text(m, m.uint(1))],
  ['X', (m) => text(m, m.uint(4))],
  ['\x8d', (m) => text(m, m.uint(8))],
  ['F', (m) => m.push(floatLine(m.line()))],
  ['G', (m) => m.push(m.digits(8).readDoubleBE())],
  [']', (m) => m.push([], COST.list)],
  [
    'a',
    (m) => {
      const value = m.pop();
      m.append([value]);
    },
  ],
  ['e', (m) => m.append(m.popToMark())],
  ['l', (m) => m.push(m.popToMark(), COST.list)],
  [')', (m) => m.push([], COST.tuple)],
  ['t', (m) => m.push(m.popToMark(), COST.tuple)],
  ['\x85', tuple(1)],
  ['\x86', tuple(2)],
  ['\x87', tuple(3)],
  ['}', (m) => m.push(new Map(), COST.map)],
  [
    'd',
    (m) => {
      const pairs = m.popToMark();
      m.push(new Map(), COST.map);
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
  ['\x8f', (m) => m.push(new Set(), COST.map)],
  ['\x90', (m) => m.addItems(m.popToMark())],
  [
    '\x91', // frozenset
    (m) => {
      const values = m.popToMark();
      m.push(new Set(), COST.map);
      m.addItems(values);
    },
  ],
  ['0', (m) => m.drop()],
  ['2', (m) => m.push(m.top())],
  ['(', (m) => m.mark()],
  ['1', (m) => void m.popToMark()],
  ['g', (m) => m.get(Number(lineText(m)))],
  ['h', (m) => m.get(m.uint(1))],
  ['j', (m) => m.get(m.uint(4))],
  ['p', (m) => m.put(Number(lineText(m)))],
  ['q', (m) => m.put(m.uint(1))],
  ['r', (m) => m.put(m.uint(4))],
  ['\x94', (m) => m.memoize()],
  // Numbers of a registry that only the process which wrote them knows.
  ['\x82', (m) => m.push(new PythonName(`copyreg extension ${m.uint(1)}`), COST.object)],
  ['\x83', (m) => m.push(new PythonName(`copyreg extension ${m.uint(2)}`), COST.object)],
  ['\x84', (m) => m.push(new PythonName(`copyreg extension ${m.uint(4)}`), COST.object)],
  [
    'c',
    (m) => {
      const module = lineText(m);
      m.name(module, lineText(m));
    },
  ],
  [
    '\x93',
    (m) => {
      const name = m.pop();
      m.name(m.pop(), name);
    },
  ],
  [
    'R',
    (m) => {
      const args = m.pop();
      m.call(m.pop(), args);
    },
  ],
  [
    'b',
    (m) => {
      const state = m.pop();
      m.build(state);
    },
  ],
  [
    'i', // INST
    (m) => {
      const module = lineText(m);
      m.name(module, lineText(m));
      const callable = m.pop();
      m.call(callable, m.popToMark());
    },
  ],
  [
    'o', // OBJ
    (m) => {
      const [callable, ...args] = m.popToMark();
      m.call(callable, args);
    },
  ],
  [
    '\x81', // NEWOBJ
    (m) => {
      const args = m.pop();
      m.call(m.pop(), args);
    },
  ],
  [
    '\x92', // NEWOBJ_EX, with arguments by name
    (m) => {
      const named = m.pop();
      const args = m.pop();
      m.call(m.pop(), args);
      const made = m.top();
      if (made instanceof InertObject && named instanceof Map && named.size > 0) made.items = named;
    },
  ],
  [
    '\x80',
    (m) => {
      const version = m.uint(1);
      if (version > 5) throw new Error(`protocol ${version} is newer than 5`);
    },
  ],
  ['\x95', (m) => void m.uint(8)], // how long a frame is
  ['P', (m) => m.persistent(lineText(m))],
  ['Q', (m) => m.persistent(m.pop())],
];

export const operations: readonly (Operation | undefined)[] = byCode.reduce<(Operation | undefined)[]>(
  (table, [code, operation]) => {
    table[code.charCodeAt(0)] = operation;
    return table;
  },
  new Array<Operation | undefined>(256).fill(undefined),
);
