/** How set-up hands signals on to the programs that it starts, and what becomes of them when it is killed. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startToken } from '../../setup/processes.mjs';

const run = JSON.stringify(join(__dirname, '../../setup/run.mjs'));
/** Says which signals it gets, and ends a little after the first. */
const listening = `
  for (const [name, status] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129], ['SIGUSR2', 140]])
    process.on(name, () => {
      process.stdout.write(name + ' ');
      setTimeout(() => process.exit(status), 400);
    });
  setInterval(() => undefined, 1000);
  process.stdout.write(process.pid + ' ');`;
const deaf = `process.on('SIGINT', () => undefined); process.stdout.write(process.pid + ' '); for (;;);`;

interface Runner {
  process: ChildProcess;
  /** Of the program that it runs. */
  pid: number;
  output: () => string;
}

/** A process that runs a program as set-up does; leader of a group, as in a terminal. */
async function runner(t: TestContext, program: string, options = {}): Promise<Runner> {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `import(${run}).then(async ({ runInForeground, watchedNode, watchedPython }) => {
        process.exitCode = await runInForeground(${program}, ${JSON.stringify(options)});
      });`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  );
  let text = '';
  child.stdout.on('data', (piece: Buffer) => (text += String(piece)));
  while (!/^\d+ /.test(text)) await once(child.stdout, 'data');
  const pid = parseInt(text, 10);
  t.after(() => {
    for (const one of [pid, child.pid!])
      try {
        process.kill(one, 'SIGKILL');
      } catch {
        continue; // it has ended
      }
  });
  return { process: child, pid, output: () => text.slice(String(pid).length + 1) };
}

const node = (script: string): string => `[...watchedNode, '-e', ${JSON.stringify(script)}]`;

async function ended({ process: child }: Runner): Promise<number | null> {
  const [status] = (await once(child, 'close')) as [number | null];
  return status;
}

describe('a program in the foreground', { concurrency: true }, () => {
  for (const [name, status] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const)
    it(`hears of ${name} once, however many processes around it get it`, async (t) => {
      const { process: child, output, ...rest } = await runner(t, node(listening));
      const end = ended({ process: child, output, ...rest });
      process.kill(-child.pid!, name); // the terminal
      await sleep(20);
      child.kill(name); // npm
      assert.equal(await end, status);
      assert.equal(output(), `${name} `);
    });

  it('gets what mpirun passes on, and we end with the status of what we got', async (t) => {
    const started = await runner(t, node(listening), { as: 'SIGUSR2' });
    started.process.kill('SIGTERM');
    assert.equal(await ended(started), 143);
    assert.equal(started.output(), 'SIGUSR2 ');
  });

  it('that does not listen is ended by a second signal', async (t) => {
    const started = await runner(t, node(deaf));
    const end = ended(started);
    started.process.kill('SIGINT');
    await sleep(1300);
    started.process.kill('SIGINT');
    assert.equal(await end, 130);
  });

  it('stops when we are killed, in Node', async (t) => {
    const started = await runner(t, node(listening));
    await orphaned(started);
    assert.equal(started.output(), 'SIGTERM ');
  });

  it('stops when we are killed, in Python', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'freekd-parent-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const script = join(folder, 'listening.py');
    writeFileSync(
      script,
      `import os, signal, sys, time
def stop(*_):
    print("SIGTERM", end=" ", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
print(os.getpid(), end=" ", flush=True)
time.sleep(60)
`,
    );
    const started = await runner(t, `[...watchedPython, ${JSON.stringify(script)}]`);
    await orphaned(started);
    assert.equal(started.output(), 'SIGTERM ');
  });

  /** Kills us with no chance to say a word, and waits for the program to end. */
  async function orphaned({ process: child, pid }: Runner): Promise<void> {
    const token = startToken(pid);
    const read = once(child, 'close'); // the program holds the pipe until its end
    child.kill('SIGKILL');
    await read;
    // It closes the pipe a moment before it ends.
    for (let tries = 0; isAlive(pid, token) && tries < 100; tries++) await sleep(20);
    assert.equal(isAlive(pid, token), false);
  }
});
