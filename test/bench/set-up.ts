/**
 * Minutes from a fresh clone to the end of `npm run reproduce -- --smoke`, with the package caches
 * of npm and pip as they are.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SetUpTime {
  /** Of `npm run setup` in the clone. */
  setUpSeconds: number;
  /** Of `npm run reproduce -- --smoke` after it. */
  smokeSeconds: number;
}

/** Seconds of an npm script; throws with the end of its output when it fails. */
function timed(folder: string, words: string[]): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn('npm', ['run', ...words], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, INIT_CWD: folder },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-4000)));
    child.on('error', reject);
    child.on('close', (status) =>
      status === 0
        ? resolve((performance.now() - began) / 1000)
        : reject(new Error(`npm run ${words.join(' ')} failed in a fresh clone:\n${output}`)),
    );
  });
}

/** Clones the last commit of the repository at `root`, what is not committed left out. */
export async function timeSetUp(root: string): Promise<SetUpTime> {
  const folder = mkdtempSync(join(tmpdir(), 'freekd-clone-'));
  try {
    execFileSync('git', ['clone', '--quiet', root, folder]);
    const setUpSeconds = await timed(folder, ['setup']);
    return { setUpSeconds, smokeSeconds: await timed(folder, ['reproduce', '--', '--smoke']) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
