/**
 * Every operation of lib/native executed with wrong inputs: each ends in an error that names the
 * operation and what it expected, or in an empty result where a size is 0. A second process
 * executes them, so that a signal is the failure of one row.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { ownKernels } from '../../lib/dist/core/native';
import { wrongInputs } from './wrong-inputs';
import { type Outcome } from './wrong-inputs/rows';

/** TensorFlow's own sentences about the number and the types of inputs and outputs. */
const byTensorFlow = /NodeDef|number_attr|Number of outputs|expected \d inputs|expected to be a/;

type Ended = Outcome & { signal?: string };

/** What came of each row; after a row that ended the process the next process goes on. */
function outcomes(): Ended[] {
  const ended: Ended[] = [];
  while (ended.length < wrongInputs.length) {
    const program = join(__dirname, 'wrong-inputs', 'index.ts');
    const { stdout, stderr, signal, status } = spawnSync(
      process.execPath,
      [...process.execArgv, program, String(ended.length)],
      { encoding: 'utf8', maxBuffer: 1e8 },
    );
    for (const line of stdout.split('\n').filter((text) => text.startsWith('{"row":')))
      ended.push(JSON.parse(line) as Outcome);
    if (ended.length < wrongInputs.length) ended.push({ signal: `${signal ?? `status ${status}`}\n${stderr}` });
  }
  return ended;
}

describe(
  'wrong inputs',
  { skip: ownKernels() ? false : 'our kernels are not compiled here: see .runtime/logs/kernels.log' },
  () => {
    let ended: Ended[] = [];
    before(() => {
      ended = outcomes();
    });

    wrongInputs.forEach(({ name, operation, expected }, row) =>
      it(name, () => {
        const { signal, error, outputs } = ended[row];
        assert.equal(signal, undefined, 'the process ended');
        if (Array.isArray(expected)) {
          assert.deepEqual(outputs, expected.map((shape) => ({ shape, zeros: true })), error);
          return;
        }
        assert.ok(error, `accepted, with outputs ${JSON.stringify(outputs)}`);
        assert.match(error, expected);
        if (!byTensorFlow.test(error)) assert.match(error, new RegExp(`(^|Message: )${operation}: `));
      }),
    );
  },
);
