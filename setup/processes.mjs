/**
 * Other processes: is this pid still the process we mean? A pid alone may have been given to
 * another one since.
 */
import { readText } from './platform.mjs';

/**
 * A name for the life of a process: boot id and start time where /proc tells them, else (and for a
 * process that has ended) an empty string.
 * @param {number} pid
 */
export function startToken(pid) {
  const stat = readText(`/proc/${pid}/stat`);
  if (!stat) return '';
  // The command name, in parentheses, may hold spaces: count fields after its end. Start time is
  // field 22 of proc(5), state field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  // A zombie has ended: only nobody has asked for its exit status yet.
  if (state === 'Z' || state === 'X') return '';
  return `${readText('/proc/sys/kernel/random/boot_id').trim()}/${started}`;
}

/**
 * @param {number} pid
 * @param {string} token of startToken when the pid was noted
 */
export function isAlive(pid, token) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  return startToken(pid) === token;
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Ends a process that an interrupted set-up left behind; waits until it is gone. */
export async function end(pid, token) {
  for (let tries = 0; isAlive(pid, token) && tries < 50; tries++) {
    try {
      process.kill(pid, tries < 25 ? 'SIGTERM' : 'SIGKILL');
    } catch {
      return;
    }
    await sleep(200);
  }
}
