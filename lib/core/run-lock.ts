/**
 * One run at a time writes to a folder of results. The lock is a file that names its owner; a
 * second run is refused and told who that is. The lock of an owner that has ended is taken over.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const NAME = '.running.json';
const HEARTBEAT = 5_000; // milliseconds
/** An owner on another machine, which cannot be asked, counts as ended after this silence. */
const SILENCE = 600_000;
/** A lock without an owner is being written, unless it is older. */
const WRITING = 5_000;

interface Owner {
  host: string;
  pid: number;
  /** Tells the process from a later one of the same pid. */
  token: string;
  started: string;
  command: string;
}

export interface RunLock {
  release(): void;
}

/** Locks that this process holds, and how often. */
const held = new Map<string, { count: number; release(): void }>();

/**
 * Takes the lock of `folder`, which exists. The process that holds it may take it again.
 * @throws Error naming the run that holds it
 */
export function lockFolder(folder: string): RunLock {
  const file = path.join(fs.realpathSync(folder), NAME);
  const mine = held.get(file) ?? { count: 0, release: take(file) };
  mine.count++;
  held.set(file, mine);
  let released = false;
  return {
    release() {
      if (released) return;
      released = true;
      if (--mine.count > 0) return;
      held.delete(file);
      mine.release();
    },
  };
}

function take(file: string): () => void {
  const self: Owner = {
    host: os.hostname(),
    pid: process.pid,
    token: lifeOf(process.pid),
    started: new Date().toISOString(),
    command: process.argv.slice(1).join(' '),
  };
  while (!create(file, self)) {
    const lock = read(file);
    if (!lock) continue; // released meanwhile
    if (lives(lock)) throw new Error(refusal(path.dirname(file), lock.owner));
    clearDead(file);
  }
  const beat = setInterval(() => fs.utimes(file, new Date(), new Date(), () => undefined), HEARTBEAT);
  beat.unref();
  const release = (): void => {
    clearInterval(beat);
    process.off('exit', release);
    const lock = read(file);
    if (lock?.owner?.pid === self.pid && lock.owner.token === self.token) fs.rmSync(file, { force: true });
  };
  process.on('exit', release);
  return release;
}

function refusal(folder: string, owner: Owner | undefined): string {
  const who = owner
    ? `process ${owner.pid} on ${owner.host}, since ${owner.started}: ${owner.command}`
    : 'another process, which is just starting';
  return `${folder} is in use by a run (${who}); wait for its end, stop it, or choose another folder with --out`;
}

function create(file: string, owner: Owner): boolean {
  try {
    fs.writeFileSync(file, `${JSON.stringify(owner)}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined where there is no lock; without an owner where it cannot be read. */
function read(file: string): { owner?: Owner; age: number } | undefined {
  try {
    const age = Date.now() - fs.statSync(file).mtimeMs;
    const text = fs.readFileSync(file, 'utf8');
    try {
      const owner = JSON.parse(text) as Owner;
      return { owner: typeof owner?.pid === 'number' ? owner : undefined, age };
    } catch {
      return { age };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function lives({ owner, age }: { owner?: Owner; age: number }): boolean {
  if (!owner) return age < WRITING;
  if (owner.host !== os.hostname()) return age < SILENCE;
  return isAlive(owner.pid) && lifeOf(owner.pid) === owner.token;
}

/** Removes a dead owner's lock; a guard folder keeps two from it at once, lest one removes the other's new lock. */
function clearDead(file: string): void {
  const guard = `${file}.takeover`;
  try {
    fs.mkdirSync(guard);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const age = Date.now() - (fs.statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > WRITING) fs.rmSync(guard, { recursive: true, force: true }); // of a process that was killed
    return;
  }
  try {
    const lock = read(file);
    if (lock && !lives(lock)) fs.rmSync(file, { force: true });
  } finally {
    fs.rmSync(guard, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A name for the life of a process: boot id and start time where /proc tells them, else an empty
 * text. A process that has ended, and is a zombie only, has none.
 */
function lifeOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may hold spaces: fields are counted from its end (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, started] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X') return '';
    return `${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${started}`;
  } catch {
    return '';
  }
}
