/**
 * `kill -9` at any moment, also while a checkpoint is written: the resumed run ends with the
 * weights of an undisturbed one.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { readLog } from '../../lib/dist/train/log';
import { temporary, tinyStudent, writePictures } from '../distill/tiny';

let data: string;
before(async () => {
  data = await writePictures();
});

interface Ended {
  signal: string | null;
  /** Steps that this process took. */
  steps: number[];
  weights?: string;
  errors: string;
}

/** Runs killable.mjs; with `kill`, until it was killed `after` milliseconds after it printed `step`. */
function run(
  folder: string,
  options: { environment?: NodeJS.ProcessEnv; kill?: { step: number; after: number } } = {},
): Promise<Ended> {
  const { environment, kill } = options;
  const child = spawn(process.execPath, [join(__dirname, 'killable.mjs'), data, folder, JSON.stringify(tinyStudent)], {
    env: { ...process.env, NODE_OPTIONS: '', TF_CPP_MIN_LOG_LEVEL: '2', ...environment },
  });
  let [output, errors, due] = ['', '', kill !== undefined];
  child.stderr.on('data', (text: Buffer) => (errors += String(text)));
  child.stdout.on('data', (text: Buffer) => {
    output += String(text);
    if (!kill || !due || !output.includes(`step ${kill.step}\n`)) return;
    due = false;
    setTimeout(() => child.kill('SIGKILL'), kill.after);
  });
  return new Promise((resolve) => {
    child.on('close', (_, signal) => {
      const steps = [...output.matchAll(/^step (\d+)$/gm)].map(([, step]) => Number(step));
      resolve({ signal, steps, weights: /^weights (\w+)$/m.exec(output)?.[1], errors });
    });
  });
}

describe('a killed run', () => {
  it('ends bit for bit as an undisturbed one, and logs every step once', async () => {
    const [folder, other] = [temporary(), temporary()];
    const undisturbed = await run(other);
    assert.ok(undisturbed.weights, undisturbed.errors);

    // Before anything was saved; in the middle of both files of a checkpoint; then at random
    // moments.
    for (const renames of [1, 4, 3]) {
      const killed = await run(folder, { environment: { KILL_AT_RENAME: String(renames) } });
      assert.equal(killed.signal, 'SIGKILL', killed.errors);
      const files = readdirSync(join(folder, 'checkpoints'));
      assert.ok(files.some((name) => name.endsWith('.tmp')), `the kill left a half-written checkpoint: ${files}`);
    }
    const random = { step: 14 + Math.floor(6 * Math.random()), after: 40 * Math.random() };
    const killed = await run(folder, { kill: random });
    assert.ok(killed.signal === 'SIGKILL' || killed.weights, killed.errors);

    const last = await run(folder);
    const story = `killed ${JSON.stringify(random)}, the last process took steps ${last.steps}`;
    assert.ok(last.steps.length === 0 || last.steps[0] > 0, `it went on from a checkpoint: ${story}`);
    assert.equal(last.weights, undisturbed.weights, story + last.errors);
    const log = readLog(folder);
    assert.deepEqual(log.map(({ step }) => step), Array.from({ length: 30 }, (_, i) => i), story);
    assert.deepEqual(log.map(({ losses }) => losses), readLog(other).map(({ losses }) => losses), story);
    assert.equal(readdirSync(join(folder, 'checkpoints')).length, 4, 'two checkpoints stay, nothing half-written');
    assert.ok(existsSync(join(folder, 'tensorboard')));
  });
});
