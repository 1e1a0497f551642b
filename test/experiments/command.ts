/** `reproduce` as a person calls it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const command = join(root, 'lib/dist/commands/reproduce/main.js');
/** What a user starts, and what npm starts for it. */
export const byNpm = ['npm', 'run', '--silent', 'reproduce', '--'];
export const bySetup = [process.execPath, join(root, 'setup/index.mjs'), 'reproduce'];

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** How a run is stopped. */
export interface Stop {
  /** Asked with all output so far, at each piece of it and every 50 ms, until it says true. */
  when(output: string): boolean;
  /** @param pid of the process that was started, the leader of a group */
  by(pid: number): void;
}

/** Ctrl-C. */
export const interrupted = (when: Stop['when']): Stop => ({ when, by: (pid) => void process.kill(pid, 'SIGINT') });

/**
 * Runs the command in `folder`, until nothing of it is left.
 * @param start what starts it
 */
export function reproduce(
  folder: string,
  words: string[],
  stop?: Stop,
  [program, ...start]: string[] = [process.execPath, command],
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...start, ...words], {
      cwd: root,
      env: { ...process.env, INIT_CWD: folder, TF_CPP_MIN_LOG_LEVEL: '2' },
      detached: true,
    });
    const ended: Ended = { status: null, stdout: '', stderr: '' };
    let waiting = stop;
    const look = (): void => {
      if (!waiting?.when(ended.stdout + ended.stderr)) return;
      waiting.by(child.pid!);
      waiting = undefined;
    };
    const watch = setInterval(look, 50);
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].on('data', (piece: Buffer) => {
        ended[stream] += String(piece);
        look();
      });
    child.on('error', reject);
    child.on('close', (status) => {
      clearInterval(watch);
      resolve({ ...ended, status });
    });
  });
}
