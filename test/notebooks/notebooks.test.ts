/** Every notebook runs from top to bottom, and its committed outputs are fit to be shown. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const root = join(__dirname, '../..');
const notebooks = readdirSync(join(root, 'notebooks')).filter((name) => name.endsWith('.ipynb'));
const folder = mkdtempSync(join(tmpdir(), 'freekd-notebooks-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Output {
  output_type: string;
  name?: string;
  data?: Record<string, unknown>;
}
interface Cell {
  cell_type: string;
  source: string | string[];
  outputs?: Output[];
}
const cellsOf = (file: string): Cell[] => (JSON.parse(readFileSync(file, 'utf8')) as { cells: Cell[] }).cells;

/** Settings at which a notebook shows its whole path in seconds. */
const small = { STEPS: '6', PROMPT_STEPS: '4', TRAIN: '32', VAL: '24', SEEDS: '1', STUDENT_STEPS: '6' };

for (const name of notebooks) {
  const file = join(root, 'notebooks', name);

  test(`${name} runs from top to bottom without an error or a warning`, () => {
    const settings = Object.fromEntries(Object.entries({ ...small, OUT: join(folder, 'out') }).map(([key, value]) => [`FREEKD_NOTEBOOK_${key}`, value]));
    const output = join(folder, name);
    const python = join(root, '.venv/bin/python');
    const { status, stderr } = spawnSync(python, ['test/notebooks/execute.py', file, '--output', output], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...settings },
    });
    assert.equal(status, 0, stderr);
    const shown = cellsOf(output).flatMap(({ outputs = [] }) => outputs);
    assert.ok(shown.some(({ data = {} }) => 'image/png' in data), 'no picture');
  });

  test(`${name} is committed with its outputs, small and clean`, () => {
    assert.ok(statSync(file).size < 1e6, 'over 1 MB');
    const code = cellsOf(file).filter(({ cell_type }) => cell_type === 'code');
    const outputs = code.flatMap(({ outputs: all = [] }) => all);
    assert.ok(outputs.length > 0, 'no outputs');
    for (const { output_type, name: stream, data = {} } of outputs) {
      assert.notEqual(output_type, 'error');
      assert.notEqual(stream, 'stderr');
      if ('application/vnd.vegalite.v5+json' in data) assert.ok('image/png' in data, 'a chart without a PNG');
    }
    assert.ok(!readFileSync(file, 'utf8').includes(homedir() + '/'), 'a path of the machine that ran it');
  });
}

test('there are notebooks', () => assert.ok(notebooks.length > 0));
