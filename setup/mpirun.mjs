/** The command that starts a program as several ranks on this machine. */
import os from 'node:os';
import path from 'node:path';
import { SetupError } from './errors.mjs';
import { openMpi } from './paths.mjs';

/**
 * The number after `--ranks` among the user's words, undefined without it.
 * @param {string[]} words
 */
export function ranksIn(words) {
  const at = words.findIndex((word) => word === '--ranks' || word.startsWith('--ranks='));
  if (at < 0) return undefined;
  const text = words[at].includes('=') ? words[at].slice('--ranks='.length) : words[at + 1];
  if (!/^[1-9]\d*$/.test(text ?? ''))
    throw new SetupError(`--ranks should be followed by a whole number above 0, not by "${text ?? ''}".`);
  return Number(text);
}

/**
 * mpirun with its arguments. Ranks are not bound to single processors: TensorFlow divides them by
 * threads.
 * @param {number} ranks
 * @param {{ root?: boolean, processors?: number }} [machine] root: are we root
 */
export function mpirun(ranks, { root = process.getuid?.() === 0, processors = os.cpus().length } = {}) {
  return [
    ...[path.join(openMpi, 'bin', 'mpirun'), '-np', String(ranks), '--bind-to', 'none'],
    ...(root ? ['--allow-run-as-root'] : []),
    ...(ranks > processors ? ['--map-by', ':OVERSUBSCRIBE'] : []),
  ];
}
