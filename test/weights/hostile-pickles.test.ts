/** Pickles that are made to exhaust or to mislead their reader: refused by name, soon and in little memory. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isDangerous } from '../../lib/dist/weights/python-objects';
import { readTorchCheckpoint } from '../../lib/dist/weights/torch';
import golden from '../golden/torch_files.json';

const folder = mkdtempSync(join(tmpdir(), 'freekd-hostile-'));
const file = join(folder, 'x.pth');
after(() => rmSync(folder, { recursive: true, force: true }));

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const repeated = (unit: string, bytes: number): Buffer => Buffer.alloc(bytes - (bytes % unit.length), latin(unit));

/** A legacy file of torch.save without storages, its object given by the instructions of its pickle. */
function write(...instructions: Buffer[]): void {
  const head = '80028a0a6cfc9c46f9206aa850192e' + '80024de9032e' + '80027d2e' + '8002';
  writeFileSync(file, Buffer.concat([Buffer.from(head, 'hex'), ...instructions, Buffer.from('2e80025d2e', 'hex')]));
}

function long4(bytes: number): Buffer {
  const head = Buffer.from([0x8b, 0, 0, 0, 0]);
  head.writeUInt32LE(bytes, 1);
  return Buffer.concat([head, Buffer.alloc(bytes, 0x7f)]);
}

const MB = 1e6;
const ordered = 'ccollections\nOrderedDict\nq\x00](';
const refused: [string, () => Buffer[], RegExp][] = [
  ['30 MB of lists', () => [repeated(']', 30 * MB)], /asks for too much memory/],
  ['30 MB of dicts', () => [repeated('}', 30 * MB)], /asks for too much memory/],
  ['30 MB of sets', () => [repeated('\x8f', 30 * MB)], /asks for too much memory/],
  ['30 MB of lists of one', () => [repeated(']Na', 30 * MB)], /asks for too much memory/],
  ['30 MB of names', () => [repeated('ca\nb\n', 30 * MB)], /asks for too much memory/],
  ['a text line of 140 MB', () => [latin('V'), repeated('a', 140 * MB), latin('\n')], /longer than 16777216 bytes/],
  ['a number of 140 MB', () => [latin('I'), repeated('1', 140 * MB), latin('\n')], /longer than 16777216 bytes/],
  ['a number of 10 MB', () => [latin('L'), repeated('1', 10 * MB), latin('L\n')], /11111111111111111111 is no integer/],
  ['an integer of 512 KB', () => [long4(512 * 1024)], /an integer of 524288 bytes/],
  ['one long list made into a dict again and again', () => [
    latin(ordered),
    repeated('K\x01K\x02\x86', 3 * MB),
    latin('eq\x01('),
    repeated('h\x00h\x01\x85R', 3 * MB),
    latin('t'),
  ], /asks for too much memory/],
  ['a count of bytes beyond the file', () => [latin('\x8e\xff\xff\xff\xff\xff\xff\x1f\x00')], /bytes expected/],
  ['a call of what is no name', () => [latin('K\x01)R')], /calls what cannot be called/],
  ['a mark for an argument', () => [latin('ca\nb\n(R')], /a mark stands where an object should/],
  ['items of a number', () => [latin('K\x01K\x01K\x01s')], /sets items of what is no dict/],
  ['an instruction that is none', () => [latin('\xff')], /0xff is no instruction/],
  ['protocol 6', () => [latin('\x80\x06N')], /protocol 6 is newer/],
  ['a tensor without a storage', () => [latin('ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))tR')], /has no storage/],
  ['a call that calls itself', () => [
    latin('ctorch._tensor\n_rebuild_from_type_v2\nq\x00](h\x00Neq\x01h\x01a0h\x00h\x01R'),
  ], /./],
  ['an INST of os.system', () => [latin('(S\'touch x\'\nios\nsystem\n')], /it names os\.system/],
  ['an OBJ of os.system', () => [latin('(cos\nsystem\nS\'touch x\'\no')], /it names os\.system/],
  ['a name of protocol 4', () => [latin('\x8c\x02nt\x8c\x06system\x93')], /it names nt\.system/],
  ['os through another module', () => [latin('\x8c\x05torch\x8c\x17serialization.os.system\x93')], /it names torch\./],
];
for (const [what, instructions, message] of refused)
  test(`${what}: refused, naming the file`, async () => {
    write(...instructions());
    const [begun, before] = [performance.now(), process.memoryUsage().rss];
    const outcome = await readTorchCheckpoint(file).then(
      (found) => (assert.equal(found.size, 0), 'nothing'),
      (error: Error) => (assert.ok(error.message.startsWith(file), error.message), error.message.slice(file.length)),
    );
    assert.match(outcome, message);
    assert.ok(performance.now() - begun < 10_000, 'a second or two where nothing else runs');
    assert.ok(process.memoryUsage().rss - before < 1e9);
  });

test('ten million places in the memo are read in the memory of ten million numbers', async () => {
  write(latin('N'), repeated('\x94', 10 * MB));
  const before = process.memoryUsage().rss;
  assert.equal((await readTorchCheckpoint(file)).size, 0);
  assert.ok(process.memoryUsage().rss - before < 5e8);
});

test('numbers, texts and objects of every protocol are held, and nothing of them is a tensor', async () => {
  for (const instructions of [
    'I01\n',
    'I-7\n',
    'L12345678901234567890L\n',
    'F1e5\n',
    'Finf\n',
    'Fnan\n',
    "S'a\\x00\\n\\\\'\n",
    'V\\u00e9\\U0001f600\n',
    '\x8a\x00',
    '\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00',
    '(ia\nB\n',
    '(ca\nB\nK\x01o',
    'ca\nB\n)}\x92',
    '\x82\x05)R}b',
    'ccopy_reg\n_reconstructor\n(ca\nB\nc__builtin__\ndict\n}tR',
    '\x96\x01\x00\x00\x00\x00\x00\x00\x00x',
    'ca\nB\n)\x81}K\x01K\x02sb',
    'Nr\x00\x00\x01\x00j\x00\x00\x01\x00',
  ]) {
    write(latin(instructions));
    assert.equal((await readTorchCheckpoint(file)).size, 0, instructions);
  }
});

test('one storage looked at again and again is refused by the total, and read where it is selected', async () => {
  const checkpoint = Buffer.from(golden.files['state dict'].base64, 'base64');
  writeFileSync(file, checkpoint);
  assert.equal((await readTorchCheckpoint(file)).size, 2);
  // 200 tensors of 4096 x 4096 repeated numbers, each of one number.
  const rebuild =
    'ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n' +
    'X\x01\x00\x00\x00kX\x03\x00\x00\x00cpuK\x01NtQK\x00(M\x00\x10M\x00\x10t(K\x00K\x00t\x89}tR';
  const tensors = Array.from({ length: 200 }, (_, i) => latin(`K${String.fromCharCode(i)}${rebuild}`));
  const keys = '80025d58010000006b612e';
  const head = '80028a0a6cfc9c46f9206aa850192e' + '80024de9032e' + '80027d2e' + '8002';
  const storage = Buffer.from('0100000000000000' + '0000803f', 'hex');
  writeFileSync(
    file,
    Buffer.concat([Buffer.from(head, 'hex'), latin('}('), ...tensors, latin('u.'), Buffer.from(keys, 'hex'), storage]),
  );
  await assert.rejects(readTorchCheckpoint(file), /x\.pth: its 200 tensors would take 1342177\d{4} bytes/);
  const [tensor] = (await readTorchCheckpoint(file, { select: (name) => name === '7' })).values();
  assert.deepEqual([tensor.shape, tensor.data[5]], [[4096, 4096], 1]);
});

test('names by which files attack are told from others', () => {
  const attacks = (
    'os.system posix.popen nt.system subprocess.Popen builtins.eval __builtin__.exec builtins.getattr ' +
    'builtins.__import__ runpy.run_module pty.spawn webbrowser.open importlib.import_module ' +
    'importlib.util.find_spec marshal.loads types.FunctionType types.CodeType operator.attrgetter ' +
    'torch.serialization.os.system numpy.load io.open shutil.rmtree socket.socket sys.exit'
  ).split(' ');
  const others = (
    'collections.Counter types.SimpleNamespace numpy._core.multiarray.scalar ' +
    'mmengine.config.config.ConfigDict my.code.Model functools.partial builtins.slice pathlib.PosixPath ' +
    '_io.BytesIO osmosis.Pump'
  ).split(' ');
  assert.deepEqual(attacks.filter((name) => !isDangerous(name)), []);
  assert.deepEqual(others.filter(isDangerous), []);
});
