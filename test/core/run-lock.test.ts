/** One run a folder: the second is told who the first is, and a dead owner's lock is taken over. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFolder } from '../../lib/dist/core/run-lock';
import { temporary } from '../distill/tiny';

const NAME = '.running.json';
const module = join(__dirname, '../../lib/dist/core/run-lock.js');

/** Another process that holds the lock of `folder` until it is killed. */
async function holder(folder: string): Promise<{ pid: number; kill(): Promise<void> }> {
  const script = `require(${JSON.stringify(module)}).lockFolder(process.argv[1]); console.log('held'); setInterval(() => 0, 1e6)`;
  const child = spawn(process.execPath, ['-e', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

test('a second process is refused and told who the first is; the first one\'s death frees the folder', async () => {
  const folder = temporary();
  const other = await holder(folder);
  const expected = new RegExp(`in use by a run \\(process ${other.pid} on ${hostname()}, since 20.*: .*\\); wait for its end`);
  assert.throws(() => lockFolder(folder), expected);
  await other.kill();
  assert.ok(existsSync(join(folder, NAME)), 'killed, it left its lock');
  const lock = lockFolder(folder);
  assert.equal((JSON.parse(readFileSync(join(folder, NAME), 'utf8')) as { pid: number }).pid, process.pid);
  lock.release();
  assert.deepEqual(readdirSync(folder), []);
});

test('the process that holds it may take it again, and it is free after the last release', () => {
  const folder = temporary();
  const [first, second] = [lockFolder(folder), lockFolder(folder)];
  first.release();
  first.release();
  assert.ok(existsSync(join(folder, NAME)));
  second.release();
  assert.ok(!existsSync(join(folder, NAME)));
});

test('a pid that was given to another process is no owner; an owner elsewhere counts until it is silent', () => {
  const folder = temporary();
  const file = join(folder, NAME);
  const write = (owner: Record<string, unknown>, age = 0): void => {
    writeFileSync(file, JSON.stringify({ started: 'then', command: 'x', ...owner }));
    utimesSync(file, Date.now() / 1000 - age, Date.now() / 1000 - age);
  };
  write({ host: hostname(), pid: process.pid, token: 'another life' });
  lockFolder(folder).release();
  write({ host: 'elsewhere', pid: 1, token: '' }, 60);
  assert.throws(() => lockFolder(folder), /process 1 on elsewhere/);
  write({ host: 'elsewhere', pid: 1, token: '' }, 3600);
  lockFolder(folder).release();
  writeFileSync(file, '{"half');
  assert.throws(() => lockFolder(folder), /just starting/);
  utimesSync(file, 0, 0);
  lockFolder(folder).release();
});
