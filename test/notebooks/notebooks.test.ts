/** Every notebook runs from top to bottom, and what is committed is fit to be shown. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const root = join(__dirname, '../..');
const notebooks = readdirSync(join(root, 'notebooks')).filter((name) => name.endsWith('.ipynb'));
const folder = mkdtempSync(join(tmpdir(), 'freekd-notebooks-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function tool(
  words: string[],
  settings: Record<string, string> = {},
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(join(root, '.venv/bin/python'), ['setup/notebooks.py', ...words], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...settings },
  });
}

/** Settings at which a notebook shows its whole path in seconds. */
const small = {
  STEPS: '6',
  PROMPT_STEPS: '4',
  TRAIN: '32',
  VAL: '24',
  SEEDS: '1',
  STUDENT_STEPS: '6',
  OUT: join(folder, 'out'),
};

for (const name of notebooks)
  test(`${name} runs from top to bottom without an error or a warning`, () => {
    const settings = Object.fromEntries(Object.entries(small).map(([key, value]) => [`FREEKD_NOTEBOOK_${key}`, value]));
    const output = join(folder, name);
    const { status, stderr } = tool([join(root, 'notebooks', name), '--output', output], settings);
    assert.equal(status, 0, stderr);
    const { cells } = JSON.parse(readFileSync(output, 'utf8')) as {
      cells: { outputs?: { data?: Record<string, unknown> }[] }[];
    };
    const shown = cells.flatMap(({ outputs = [] }) => outputs);
    assert.ok(shown.some(({ data = {} }) => 'image/png' in data), 'no picture');
  });

test('the committed notebooks have clean and small outputs, made by their code, and links that lead somewhere', () => {
  assert.ok(notebooks.length > 0);
  const { status, stderr } = tool(['--check']);
  assert.equal(status, 0, stderr);
});

test('a notebook goes on after Run All: chapters backwards, solutions, and all again once memory was freed', () => {
  const { status, stdout, stderr } = tool(['04', '--replay']); // all others: npm run notebooks -- --replay
  assert.equal(status, 0, stderr);
  assert.match(stdout, /run all: .*chapters backwards: .*solutions: [1-9].*memory freed, and all again: /s);
});

test('--replay names the cell that a reader cannot run again', () => {
  const file = join(folder, 'once.ipynb');
  const cell = (source: string) => ({ cell_type: 'code', source, metadata: {}, outputs: [], execution_count: null });
  const title = { cell_type: 'markdown', source: '## Two', metadata: {} };
  const cells = [
    cell('const one = { open: true };'),
    title,
    cell("if (!one.open) throw new Error('one is closed');\none.open = false;"),
  ];
  writeFileSync(file, JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 4 }));
  const { status, stderr } = tool([file, '--replay']);
  assert.equal(status, 1);
  assert.match(stderr, /chapters backwards, cell 3: .*one is closed/s);
});

test('--check says what is wrong', () => {
  const notebook = JSON.parse(readFileSync(join(root, 'notebooks', notebooks[0]), 'utf8')) as {
    cells: { cell_type: string; source: string | string[]; outputs?: unknown[] }[];
  };
  const wrong = (change: (copy: typeof notebook) => void): string => {
    const copy = structuredClone(notebook);
    change(copy);
    const file = join(folder, 'wrong.ipynb');
    writeFileSync(file, JSON.stringify(copy));
    const { status, stderr } = tool([file, '--check']);
    assert.equal(status, 1);
    return stderr;
  };
  const code = notebook.cells.findIndex(({ cell_type }) => cell_type === 'code');
  assert.match(wrong(({ cells }) => (cells[code].source = 'const other = 1;')), /outputs are older than its code/);
  assert.match(wrong(({ cells }) => cells.forEach((cell) => cell.outputs && (cell.outputs = []))), /has no outputs/);
  assert.match(
    wrong(({ cells }) => (cells[code].outputs = [{ output_type: 'stream', name: 'stderr', text: 'a warning' }])),
    /prints to stderr: a warning/,
  );
  assert.match(wrong(({ cells }) => (cells[0].source = '[x](nowhere.ipynb)')), /link to nowhere\.ipynb leads nowhere/);
  assert.match(tool(['99']).stderr, /there is no notebook 99; there are 00-/);
});
