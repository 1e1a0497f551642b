/**
 * Running other programs: quietly into a log for the steps of set-up, or in the foreground for the
 * npm scripts.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { adviceFor, SetupError } from './errors.mjs';
import { fromRoot, logs, root, venvPython } from './paths.mjs';

const TAIL_LINES = 25;
/** Milliseconds within which a signal is the first one once more, from the terminal and from npm. */
const ECHO = 1000;
/** Milliseconds that a program has after a second signal. */
const PATIENCE = 3000;

/** What asks a program to stop. */
export const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
/** Exit status after a signal, as a shell has it. */
export const statusOf = (signal) => 128 + (os.constants.signals[signal] ?? 0);

/** Node and Python for programs that end when we are killed. */
export const watchedNode = [process.execPath, '--import', pathToFileURL(fromRoot('setup', 'parent.mjs')).href];
export const watchedPython = [venvPython, fromRoot('setup', 'parent.py')];

/**
 * Runs a program, its output into .runtime/logs/<log>.log. Resolves with its stdout, rejects with
 * the end of all its output.
 * @param {string} program
 * @param {string[]} parameters
 * @param {{ log: string, env?: NodeJS.ProcessEnv, cwd?: string, onStart?: (pid?: number) => void }}
 *   options
 * @returns {Promise<string>}
 */
export async function runQuietly(program, parameters, { log, env = process.env, cwd = root, onStart = () => {} }) {
  fs.mkdirSync(logs, { recursive: true });
  const file = path.join(logs, `${log}.log`);
  const stream = fs.openSync(file, 'w');
  fs.writeSync(stream, `$ ${[program, ...parameters].join(' ')}\n`);
  const chunks = [];
  const standard = [];
  try {
    await new Promise((resolve, reject) => {
      const child = spawn(program, parameters, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
      onStart(child.pid);
      const keep = (data) => {
        chunks.push(data);
        fs.writeSync(stream, data);
      };
      child.stdout.on('data', keep);
      child.stdout.on('data', (data) => standard.push(data));
      child.stderr.on('data', keep);
      child.on('error', (error) => reject(new SetupError(`${program} could not be started: ${error.message}.`)));
      child.on('close', (code, signal) => {
        if (code === 0) return resolve(undefined);
        const output = Buffer.concat(chunks).toString();
        const end = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
        const how = signal ? `was ended by ${signal}` : `failed with exit status ${code}`;
        const name = [path.basename(program), ...parameters.slice(0, 3).map((word) => path.basename(word))].join(' ');
        reject(
          new SetupError(
            `\`${name} ...\` ${how}:\n${end}\n`,
            `${adviceFor(output)}\n  All of its output: ${path.relative(root, file)}`.trimStart(),
          ),
        );
      });
    });
  } finally {
    onStart(undefined);
    fs.closeSync(stream);
  }
  return Buffer.concat(standard).toString();
}

/**
 * Runs a program in the foreground. Resolves with its exit status, 128 + n after signal n as in a
 * shell.
 *
 * The program is in a session of its own, and hears of a signal from us alone: the first one asks
 * it to end in its own way, a second one ends it at once. A terminal, npm and we are told of one
 * Ctrl-C more than once; a program in the middle of a training step could not tell that apart from
 * a second one.
 * @param {string[]} command the program, then its arguments
 * @param {{ env?: NodeJS.ProcessEnv, as?: NodeJS.Signals, terminal?: boolean }} [options] as: what
 *   the program gets in place of the first signal; terminal: it stays in ours, hears Ctrl-C from it,
 *   and may ask the user something
 * @returns {Promise<number>}
 */
export function runInForeground([program, ...parameters], { env = process.env, as, terminal = false } = {}) {
  const child = spawn(program, parameters, {
    cwd: root,
    env: { ...env, FREEKD_PARENT: String(process.pid) },
    stdio: 'inherit',
    detached: !terminal,
  });
  let first;
  let asked = 0;
  const stop = (signal) => {
    if (terminal && signal === 'SIGINT') return;
    if (!first) {
      first = signal;
      asked = performance.now();
      child.kill(as ?? signal);
    } else if (performance.now() - asked > ECHO) {
      child.kill(as ? 'SIGTERM' : signal);
      setTimeout(() => child.kill('SIGKILL'), PATIENCE).unref();
    }
  };
  const pause = () => {
    process.kill(-child.pid, 'SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
    process.kill(-child.pid, 'SIGCONT'); // after `fg`
  };
  const handlers = stopSignals.map((signal) => [signal, () => stop(signal)]);
  if (!terminal) handlers.push(['SIGTSTP', pause]);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new SetupError(`${program} could not be started: ${error.message}.`)));
    child.on('close', (code, signal) => {
      for (const [name, handler] of handlers) process.off(name, handler);
      const status = code ?? statusOf(signal);
      resolve(first && status > 128 ? statusOf(first) : status);
    });
  });
}

/**
 * The output of a short command, trimmed; null if it fails or takes too long.
 * @param {string} program
 * @param {string[]} parameters
 * @param {{ env?: NodeJS.ProcessEnv, timeout?: number, showErrors?: boolean }} [options]
 *   showErrors: let its stderr through
 */
export function ask(program, parameters, { env = process.env, timeout = 60_000, showErrors = false } = {}) {
  const answer = spawnSync(program, parameters, {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout,
    stdio: ['ignore', 'pipe', showErrors ? 'inherit' : 'pipe'],
  });
  return answer.status === 0 ? answer.stdout.trim() : null;
}
