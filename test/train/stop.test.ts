/** The rule of stopping, in processes of their own. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { alone } from '../../lib/dist/train/distributed/communicator';
import { Stopped, stopStatus, throwIfStopped } from '../../lib/dist/train/stop';

const modulePath = JSON.stringify(join(__dirname, '../../lib/dist/train/stop.js'));
/** Works until it is stopped, then for as long as `saving` says, and ends as a command does. */
const program = (saving: number): string => `
  const { stopOnSignals } = require(${modulePath});
  const signal = stopOnSignals('the same again', () => process.stdout.write('asked '));
  signal.addEventListener('abort', () => setTimeout(() => {
    process.stdout.write(signal.reason.message);
    process.exit(signal.reason.status);
  }, ${saving}));
  setInterval(() => undefined, 1000);
  process.stdout.write('ready ');`;

async function started(saving = 0): Promise<{ child: ChildProcess; output: () => string }> {
  const child = spawn(process.execPath, ['-e', program(saving)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout!.on('data', (text: Buffer) => (output += String(text)));
  while (!output.includes('ready')) await once(child.stdout!, 'data');
  return { child, output: () => output };
}

const ended = async (child: ChildProcess): Promise<number | null> => {
  const [status] = (await once(child, 'close')) as [number | null];
  return status;
};

describe('a program that is stopped', () => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
    it(`by ${name} saves, says how to go on, and ends with 128 + n`, async () => {
      const { child, output } = await started();
      child.kill(name);
      assert.equal(await ended(child), 128 + constants.signals[name]);
      assert.equal(output(), 'ready asked stopped; the same again');
    });

  it('takes what comes within a second as the same signal, and quits at the next', async () => {
    const { child, output } = await started(60_000);
    const end = ended(child);
    child.kill('SIGTERM');
    await sleep(300);
    child.kill('SIGTERM'); // as `timeout` does
    await sleep(1000);
    assert.equal(child.exitCode, null);
    child.kill('SIGINT');
    assert.equal(await end, 130);
    assert.equal(output(), 'ready asked ');
  });

  it('by the end of its reader saves too', async () => {
    const { child } = await started();
    child.stdout!.destroy();
    child.kill('SIGINT'); // the sentence is the first thing that it writes
    assert.equal(await ended(child), 130);
    const noisy = spawn(
      process.execPath,
      ['-e', `${program(0)} setInterval(() => process.stdout.write('working '), 20);`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(noisy.stdout, 'data');
    noisy.stdout.destroy();
    assert.equal(await ended(noisy), 128 + constants.signals.SIGPIPE);
  });
});

describe('Stopped', () => {
  it('shows as its sentence, without a stack', () => {
    const stopped = new Stopped('stopped after step 3', 143);
    assert.equal(stopped.stack, 'stopped after step 3');
    assert.doesNotMatch(inspect(stopped), /\n/);
    assert.equal(stopStatus(AbortSignal.abort(stopped)), 143);
    assert.equal(stopStatus(undefined), 130);
  });

  it('is thrown on all ranks where one was stopped', () => {
    const reason = new Stopped('by me', 143);
    assert.doesNotThrow(() => throwIfStopped(new AbortController().signal));
    assert.throws(() => throwIfStopped(AbortSignal.abort(reason)), (error) => error === reason);
    const other = { ...alone, size: 2, sum: ([own]: readonly number[]) => [own + 1] };
    assert.throws(() => throwIfStopped(new AbortController().signal, other), Stopped);
  });
});
