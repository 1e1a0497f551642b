/**
 * One set-up at a time. The lock is a file made with O_EXCL that names its owner and the command
 * the owner is running; a second set-up waits. A lock whose owner is dead is taken over, after the
 * command it may have left running (an npm, a pip) has ended.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { end, isAlive, sleep, startToken } from './processes.mjs';

const HEARTBEAT = 5_000;
/** An owner on another machine (shared folder, another container) counts as dead after this silence. */
const SILENCE = 60_000;

/**
 * @typedef {{ host: string, pid: number, token: string, child?: { pid: number, token: string } }}
 * Owner
 */

const identity = (pid) => ({ pid, token: startToken(pid) });

/**
 * @returns {{ owner: Owner | null, age: number } | null} null if there is no lock; owner null while
 * it is being written
 */
function read(file) {
  try {
    const age = Date.now() - fs.statSync(file).mtimeMs;
    const text = fs.readFileSync(file, 'utf8');
    return { owner: text ? JSON.parse(text) : null, age };
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    if (error instanceof SyntaxError)
      return { owner: null, age: Date.now() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) };
    throw error;
  }
}

function ownerLives({ owner, age }, host) {
  if (!owner) return age < HEARTBEAT;
  return owner.host === host ? isAlive(owner.pid, owner.token) : age < SILENCE;
}

function create(file, owner) {
  try {
    fs.writeFileSync(file, JSON.stringify(owner), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a dead owner's lock. Only the holder of the guard folder may, so that nobody removes the
 * lock of a successor.
 */
async function clearDead(file, host) {
  const guard = `${file}.takeover`;
  try {
    fs.mkdirSync(guard);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const age = Date.now() - (fs.statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > SILENCE) fs.rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    const lock = read(file);
    if (!lock || ownerLives(lock, host)) return;
    const child = lock.owner?.host === host ? lock.owner.child : undefined;
    if (child?.token) await end(child.pid, child.token);
    fs.rmSync(file, { force: true });
  } finally {
    fs.rmSync(guard, { recursive: true, force: true });
  }
}

/**
 * Waits for the lock and takes it.
 * @param {string} file
 * @param {{ onWait?: (owner: Owner | null) => void, poll?: number }} [options]
 * @returns {Promise<{ running: (pid?: number) => void, release: () => void }>} `running` notes the
 *   command that works for us now
 */
export async function acquireLock(file, { onWait = () => {}, poll = 500 } = {}) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const host = os.hostname();
  const self = { host, ...identity(process.pid) };
  let told = false;
  while (!create(file, self)) {
    const lock = read(file);
    if (!lock) continue;
    if (!ownerLives(lock, host)) {
      await clearDead(file, host);
      continue;
    }
    if (!told) onWait(lock.owner);
    told = true;
    await sleep(poll);
  }
  const beat = setInterval(() => fs.utimes(file, new Date(), new Date(), () => {}), HEARTBEAT);
  beat.unref();
  const note = (pid) => {
    const next = `${file}.${process.pid}`;
    fs.writeFileSync(next, JSON.stringify(pid ? { ...self, child: identity(pid) } : self));
    fs.renameSync(next, file);
  };
  return {
    running: note,
    release: () => {
      clearInterval(beat);
      fs.rmSync(file, { force: true });
    },
  };
}
