/**
 * The notebook kernel: tslab with its output made whole. Jupyter starts it with tslab's own words,
 * `kernel --config-path FILE`. What differs from tslab:
 *
 * - A message is handed to ZeroMQ at once and in order, however many there are. tslab does not
 *   await its sends, and zeromq refuses a send while another one waits (EBUSY), as the 513th of one
 *   turn of the event loop does: lines were lost, and with `idle` the end of the cell.
 * - Neighbouring writes to a stream become one message. It leaves after 100 ms, before any other
 *   message and at the end of the cell, as in ipykernel.
 * - An interrupted cell has a second to end in its own words, and is then cut off. Either is one
 *   sentence, and what it goes on to print stays with it. A cell may listen to SIGINT itself.
 * - An error whose stack was set to its message, without frames, is shown as that message.
 * - A file that a cell imports may be removed and made anew, as editors that save by renaming do, and
 *   builds. TypeScript has two timers then, tslab knows one, and no cell ran any more.
 *
 * patches/tslab-sends.patch offers the first of these to tslab itself.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { StringDecoder } from 'node:string_decoder';
import { parseArgs } from 'node:util';

const TSLAB = '1.0.22';
const FLUSH = 100; // milliseconds that a write waits for others
const GRACE = 1000; // milliseconds that an interrupted cell has

const require = createRequire(import.meta.url);
const { version } = require('tslab/package.json');
if (version !== TSLAB) {
  console.error(`The notebook kernel needs tslab ${TSLAB}, and ${version} is installed: run npm run setup.`);
  process.exit(1);
}
const { JupyterHandlerImpl, ZmqServer } = require('tslab/dist/jupyter.js');
const executors = require('tslab/dist/executor.js');

/** @typedef {(name: string, text: string) => void} Send a message of stream `name` for one cell */

/** @type {{ send: Send, name: string, text: string }[]} */
let waiting = [];
let timer = null;
let began = 0;

function flush() {
  clearTimeout(timer);
  timer = null;
  const writes = waiting;
  waiting = [];
  for (const { send, name, text } of writes) send(name, text);
}

function write(send, name, text) {
  const last = waiting.at(-1);
  if (last?.send === send && last.name === name) last.text += text;
  else waiting.push({ send, name, text });
  if (!timer) {
    timer = setTimeout(flush, FLUSH);
    began = performance.now();
  } else if (performance.now() - began >= FLUSH) flush(); // a cell that never yields lets no timer run
}

const { bindSocket } = ZmqServer.prototype;
ZmqServer.prototype.bindSocket = function (socket, port) {
  // Publishers and routers never block: without a limit to what they hold, a send ends at once.
  if (socket !== this.hb) Object.assign(socket, { sendTimeout: 0, sendHighWaterMark: 0 });
  return bindSocket.call(this, socket, port);
};

const { handleExecute } = JupyterHandlerImpl.prototype;
JupyterHandlerImpl.prototype.handleExecute = async function (request, send, display) {
  const reply = await handleExecute.call(this, request, send, (...words) => {
    flush();
    display(...words);
  });
  flush(); // before the reply leaves
  return reply;
};

/** @typedef {{ send: Send, interrupted: boolean }} Cell */

/** @type {Send} of the cell that began last: it gets what is printed after the end of another */
let latest;
/** @type {Cell | null} */
let running = null;
/** The cell whose code is at work, also in its timers and promises. */
const cells = new AsyncLocalStorage();

JupyterHandlerImpl.prototype.createWriteToIopub = (name, send) => {
  const decoder = new StringDecoder('utf8'); // a character may be cut in two writes
  latest = send;
  return (chunk, encoding, callback = encoding) => {
    const cell = cells.getStore();
    write(cell?.interrupted ? cell.send : send, name, typeof chunk === 'string' ? chunk : decoder.write(chunk));
    if (typeof callback === 'function') process.nextTick(callback);
    return true;
  };
};

/** An error as it is printed: its message where that says all, else the error with its stack. */
function shown(error) {
  if (!(error instanceof Error)) return error;
  const { code, message, stack } = error;
  if (message === 'Interrupted asynchronously' || code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') return 'Interrupted.';
  if (running?.interrupted) return `Interrupted: ${message}`;
  return message && stack?.endsWith(message) ? message : error; // vm puts the line that threw in front
}

/**
 * After a script with `breakOnSigint` (the part of a cell before its first await) Node gives SIGINT
 * its default action, which ends the process, if the script itself was the first to listen.
 */
function listenAgain() {
  const listeners = process.rawListeners('SIGINT');
  process.removeAllListeners('SIGINT');
  for (const listener of listeners) process.on('SIGINT', listener);
}

/** TypeScript's timers for tslab, which waits for one: when it ends, all of them do. */
function severalTimers(sys) {
  const { setTimeout: ofSystem, clearTimeout: clearOfSystem } = sys;
  const waiting = Symbol('waiting');
  Object.defineProperties(sys, {
    setTimeout: {
      get: () => ofSystem,
      set(startOne) {
        this[waiting] = new Set();
        let started = false;
        const value = (callback) => {
          const timer = { callback };
          this[waiting].add(timer);
          if (!started) startOne(() => {
            for (const due of this[waiting]) { // one may start another
              this[waiting].delete(due);
              due.callback();
            }
            started = false;
          });
          started = true;
          return timer;
        };
        Object.defineProperty(this, 'setTimeout', { value });
      },
    },
    clearTimeout: {
      get: () => clearOfSystem,
      set() {
        Object.defineProperty(this, 'clearTimeout', { value: (timer) => this[waiting].delete(timer) });
      },
    },
  });
}
severalTimers(require('@tslab/typescript-for-tslab').sys);

const { createExecutor } = executors;
executors.createExecutor = (folder, converters, { log, error: print }) => {
  const error = (...words) => print(...words.map(shown));
  const executor = createExecutor(folder, converters, { log, error });
  return {
    ...executor,

    async execute(source) {
      const cell = { send: latest, interrupted: false };
      running = cell;
      const work = cells.run(cell, () => executor.execute(source));
      listenAgain();
      const done = await work;
      running = null;
      if (!done || !cell.interrupted) return done;
      error(new Error('Interrupted asynchronously')); // it ended well, but those after it must not run
      return false;
    },

    interrupt() {
      const cell = running;
      if (!cell) return;
      cell.interrupted = true;
      setTimeout(() => {
        if (running === cell) executor.interrupt();
      }, GRACE);
    },
  };
};

process.on('exit', flush);

const { values } = parseArgs({ options: { 'config-path': { type: 'string' } }, allowPositionals: true });
require('tslab/dist/main.js').startKernel({ configPath: values['config-path'], enableFindLocal: false });
