/** `reproduce` as a person calls it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const command = join(__dirname, '../../lib/dist/commands/reproduce/main.js');

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs the command in `folder`; `interrupt` is asked with all output after each piece of it, and
 * gets one Ctrl-C sent when it says true.
 */
export function reproduce(
  folder: string,
  words: string[],
  interrupt: (output: string) => boolean = () => false,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...words], {
      env: { ...process.env, INIT_CWD: folder, TF_CPP_MIN_LOG_LEVEL: '2' },
    });
    const ended: Ended = { status: null, stdout: '', stderr: '' };
    let interrupted = false;
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].on('data', (piece: Buffer) => {
        ended[stream] += String(piece);
        if (interrupted || !interrupt(ended.stdout + ended.stderr)) return;
        interrupted = true;
        child.kill('SIGINT');
      });
    child.on('error', reject);
    child.on('close', (status) => resolve({ ...ended, status }));
  });
}
