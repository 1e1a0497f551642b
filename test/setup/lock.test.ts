import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { acquireLock } from '../../setup/lock.mjs';
import { isAlive, startToken } from '../../setup/processes.mjs';

function lockIn(t: TestContext) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lock-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'setup.lock');
}

async function endedProcess() {
  const child = spawn(process.execPath, ['-e', '']);
  const owner = { pid: child.pid!, token: startToken(child.pid!) };
  await once(child, 'close');
  return owner;
}

test('a second one waits until the first has ended', async (t) => {
  const file = lockIn(t);
  const first = await acquireLock(file);
  const order: string[] = [];
  const second = acquireLock(file, { poll: 10, onWait: (owner) => order.push(`waits for ${owner?.pid}`) }).then(
    (lock) => {
      order.push('second');
      return lock;
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 60));
  order.push('released');
  first.release();
  (await second).release();
  assert.deepEqual(order, [`waits for ${process.pid}`, 'released', 'second']);
  assert.equal(fs.existsSync(file), false);
});

test('the lock of a dead process is taken over by exactly one', async (t) => {
  const file = lockIn(t);
  fs.writeFileSync(file, JSON.stringify({ host: os.hostname(), ...(await endedProcess()) }));
  let holders = 0;
  await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const lock = await acquireLock(file, { poll: 5 });
      assert.equal(++holders, 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      holders--;
      lock.release();
    }),
  );
  assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
});

test('a command that a dead set-up left running is ended first', { skip: process.platform !== 'linux' }, async (t) => {
  const file = lockIn(t);
  const orphan = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
  const child = { pid: orphan.pid!, token: startToken(orphan.pid!) };
  fs.writeFileSync(file, JSON.stringify({ host: os.hostname(), ...(await endedProcess()), child }));
  const lock = await acquireLock(file, { poll: 5 });
  assert.equal(isAlive(child.pid, child.token), false);
  lock.release();
});

test(
  'the pid of another process than the one noted does not count as alive',
  { skip: process.platform !== 'linux' },
  () => {
    assert.equal(isAlive(process.pid, startToken(process.pid)), true);
    assert.equal(isAlive(process.pid, 'another boot/1'), false);
  },
);

test('half a lock and a silent owner elsewhere are taken over', async (t) => {
  const file = lockIn(t);
  for (const text of ['', '{"host": "else', JSON.stringify({ host: 'elsewhere', pid: 1, token: '' })]) {
    fs.writeFileSync(file, text);
    const old = new Date(Date.now() - 3_600_000);
    fs.utimesSync(file, old, old);
    (await acquireLock(file, { poll: 5 })).release();
  }
});
