/** Output of the kernel (setup/kernel.mjs): nothing is lost, in order, and the cell ends after it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(__dirname, '../..');

interface Cell {
  code: string;
  /** Press the stop button when this was printed. */
  interrupt?: string;
}

interface CellRun {
  status?: string;
  outputs: { kind: string; name?: string; text?: string; data?: Record<string, string> }[];
}

/** Runs cells in one kernel, through nbclient or through the websocket of JupyterLab's server. */
const run = (transport: 'nbclient' | 'websocket', cells: Cell[], ...folder: string[]): CellRun[] =>
  JSON.parse(
    execFileSync(join(root, '.venv/bin/python'), [join(__dirname, 'run_cells.py'), transport, ...folder], {
      input: JSON.stringify(cells),
      encoding: 'utf8',
      maxBuffer: 1e8,
      timeout: 240_000,
    }),
  ) as CellRun[];

const textOf = ({ outputs }: CellRun): string => outputs.map(({ text }) => text ?? '').join('');

const counts = [100, 500, 1000, 10_000, 100_000];
const lines = (count: number): string => Array.from({ length: count }, (_, i) => `line ${i}\n`).join('');
const loud: Cell[] = [
  ...counts.map((count) => ({ code: `for (let i = 0; i < ${count}; i++) console.log('line ' + i);` })),
  { code: "console.log('é'.repeat(2.5e6));" },
  {
    code:
      "import { display } from 'tslab';\n" +
      'for (let i = 0; i < 1000; i++) {\n' +
      "  console.log('out ' + i); console.error('error ' + i); if (i % 10 === 0) display.text('shown ' + i);\n" +
      "}\n'result'",
  },
  {
    code:
      "let late = false; setTimeout(() => { console.log('late'); late = true; }, 1000);\n" +
      "console.log('early');",
  },
  { code: "while (!late) await new Promise((next) => setTimeout(next, 10)); console.log('next');" },
  {
    code:
      'process.stdout.write(Buffer.from([0xc3]));\n' +
      "await new Promise<void>((next) => process.stdout.write(Buffer.from([0xa9]), () => next())); console.log('!');",
  },
];

function checkLoud(cells: CellRun[]): void {
  counts.forEach((count, i) => {
    assert.equal(textOf(cells[i]), lines(count), `${count} lines`);
    assert.ok(cells[i].outputs.length < 50, `${count} lines came in ${cells[i].outputs.length} messages`);
  });
  const [long, mixed, early, late, split] = cells.slice(counts.length);
  assert.equal(textOf(long), `${'é'.repeat(2.5e6)}\n`);
  const wanted = Array.from({ length: 1000 }, (_, i) => [
    `stdout out ${i}\n`,
    `stderr error ${i}\n`,
    ...(i % 10 === 0 ? [`display shown ${i}`] : []),
  ]).flat();
  const got = mixed.outputs.map(({ name, text, data }) => (data ? `display ${data['text/plain']}` : `${name} ${text}`));
  assert.deepEqual(got, [...wanted, 'stdout result\n']);
  assert.equal(textOf(early), 'early\n');
  assert.equal(textOf(late), 'late\nnext\n', 'what is printed after the end of a cell goes to the one under way');
  assert.equal(textOf(split), 'é!\n');
}

test('nbclient gets every line of 100,000, 5 MB in one line, and streams and displays in order', () =>
  checkLoud(run('nbclient', loud)));

test("so does JupyterLab's websocket, and interrupted cells end with one sentence", () => {
  const pause = 'await new Promise((next) => setTimeout(next, 1));';
  const sentence = "Object.assign(new Error('stopped after step 3'), { stack: 'stopped after step 3' })";
  const cells = run('websocket', [
    ...loud,
    { code: `for (let i = 0; ; i++) { console.log('turn ' + i); ${pause} }`, interrupt: 'turn 5' },
    { code: "await new Promise((next) => setTimeout(next, 500)); console.log('alive');" },
    {
      code: "for (;;) { console.log('tick'); for (const end = Date.now() + 50; Date.now() < end; ); }",
      interrupt: 'tick',
    },
    {
      code:
        "console.log('at work'); await new Promise((_, stop) =>\n" +
        "  process.once('SIGINT', () => stop(new Error('stopped after step 3'))));",
      interrupt: 'at work',
    },
    {
      code: "console.log('at work'); await new Promise((next) => setTimeout(next, 700)); 'done'",
      interrupt: 'at work',
    },
    { code: `throw ${sentence};` },
    { code: "throw new Error('a fault');" },
  ]);
  checkLoud(cells);
  const [endless, alive, blocking, own, through, thrown, fault] = cells.slice(loud.length);
  for (const { status } of [endless, blocking, own, through, thrown, fault]) assert.equal(status, 'error');
  assert.match(textOf(endless), /^turn 0\n(turn \d+\n)+Interrupted\.\n$/);
  assert.deepEqual([alive.status, textOf(alive)], ['ok', 'alive\n'], 'the loop that goes on prints into its own cell');
  assert.match(textOf(blocking), /^(tick\n)+Interrupted\.\n$/);
  assert.equal(textOf(own), 'at work\nInterrupted: stopped after step 3\n');
  assert.equal(textOf(through), 'at work\ndone\nInterrupted.\n');
  assert.equal(textOf(thrown), 'stopped after step 3\n');
  assert.match(textOf(fault), /Error: a fault\n +at /);
});

test('a file beside the notebook is imported as it is now, also where it was removed and made anew', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'freekd-kernel-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const show = "import { value } from './own'; console.log(value);";
  const after = (change: string): Cell => ({ code: `${change} await new Promise((next) => setTimeout(next, 1500));` });
  const cells = run(
    'nbclient',
    [
      after("const fs = require('fs'); fs.writeFileSync('own.ts', 'export const value = 1;');"),
      { code: show },
      after("fs.writeFileSync('own.ts', 'export const value = 2;');"),
      { code: show },
      after("fs.rmSync('own.ts');"),
      { code: "console.log('alive');" },
      after("fs.writeFileSync('own.ts', 'export const value = 3;');"),
      { code: show },
    ],
    folder,
  );
  assert.deepEqual(cells.map(textOf), ['', '1\n', '', '2\n', '', 'alive\n', '', '3\n']);
});

test('the kernel refuses another tslab than the one it repairs', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'freekd-kernel-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules/tslab'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/tslab/package.json'), '{ "version": "1.1.0" }');
  copyFileSync(join(root, 'setup/kernel.mjs'), join(folder, 'kernel.mjs'));
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'kernel.mjs')], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.equal(stderr, 'The notebook kernel needs tslab 1.0.22, and 1.1.0 is installed: run npm run setup.\n');
});
