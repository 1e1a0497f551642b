/**
 * Running other programs: quietly into a log for the steps of set-up, or in the foreground for the
 * npm scripts.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { adviceFor, SetupError } from './errors.mjs';
import { logs, root } from './paths.mjs';

const TAIL_LINES = 25;

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
 * Runs a program in the foreground with our terminal. Resolves with its exit status, 128 + n after
 * signal n as in a shell. Ctrl-C reaches it directly; we only wait for it to end in its own way.
 * @param {string} program
 * @param {string[]} parameters
 * @param {{ env?: NodeJS.ProcessEnv, interrupts?: NodeJS.Signals[] }} [options] interrupts: signals
 *   that the program gets in place of the first Ctrl-C, the second, and so on
 * @returns {Promise<number>}
 */
export function runInForeground(program, parameters, { env = process.env, interrupts = [] } = {}) {
  // In a session of its own the terminal's Ctrl-C does not reach it.
  const child = spawn(program, parameters, { cwd: root, env, stdio: 'inherit', detached: interrupts.length > 0 });
  const left = [...interrupts];
  const wait = () => {
    if (left.length > 0) child.kill(left.shift());
  };
  const pass = (signal) => child.kill(signal);
  process.on('SIGINT', wait);
  process.on('SIGTERM', pass);
  process.on('SIGHUP', pass);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new SetupError(`${program} could not be started: ${error.message}.`)));
    child.on('close', (code, signal) => {
      process.off('SIGINT', wait);
      process.off('SIGTERM', pass);
      process.off('SIGHUP', pass);
      resolve(code ?? 128 + (os.constants.signals[signal] ?? 0));
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
