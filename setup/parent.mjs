/**
 * Preloaded into the programs that set-up starts, and loaded by set-up itself: when the process that
 * started this one is gone (killed, with no word to us), this one gets a SIGTERM, and so nothing
 * works on unseen.
 *
 * The kernel tells it by another parent; a rank, whose parent is mpirun, asks after set-up's own
 * process, FREEKD_PARENT. A program that a shell started may outlive it.
 */
import { isMainThread } from 'node:worker_threads';

const parent = process.ppid;
const { npm_lifecycle_event: script, FREEKD_PARENT: setup } = process.env;

function lives(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (isMainThread && (script || setup)) {
  const watch = setInterval(() => {
    if (process.ppid === parent && (!setup || lives(Number(setup)))) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}
