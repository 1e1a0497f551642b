/** The steps of set-up in their order, made where they are not current, one process at a time. */
import fs from 'node:fs';
import { readBundle } from './bundle-mark.mjs';
import { checkMachine } from './checks.mjs';
import { SetupError } from './errors.mjs';
import { acquireLock } from './lock.mjs';
import { lockFile, root, stamps, temporary } from './paths.mjs';
import { startProgress } from './progress.mjs';
import { statusOf, stopSignals } from './run.mjs';
import { childEnvironment, currentRuntime, thisSystem, wheelFor } from './runtime.mjs';
import { firstDamaged, listFiles, readStamp, removeStamp, writeStamp } from './stamps.mjs';
import { binding } from './steps/binding.mjs';
import { build } from './steps/build.mjs';
import { cuda } from './steps/cuda.mjs';
import { device } from './steps/device.mjs';
import { kernel } from './steps/kernel.mjs';
import { kernels } from './steps/kernels.mjs';
import { packages } from './steps/packages.mjs';
import { openMpi, python, references } from './steps/python.mjs';
import { tensorflow } from './steps/tensorflow.mjs';

/** What a bundle carries, and what can be made of it without Python and a network. */
export const carried = [packages, tensorflow, cuda, binding, build];
const fromBundle = [packages, tensorflow, cuda, binding, kernels, build, device];
const all = [packages, python, tensorflow, cuda, binding, kernels, build, kernel, device];
export const everything = readBundle() ? fromBundle : all;
/** Refuses what runs in the Python environment, which a bundle leaves out. */
export function needPython() {
  if (readBundle())
    throw new SetupError(
      'This folder was unpacked from a bundle, which holds no JupyterLab and no Python packages.',
      'Use a clone on a machine with a network for the notebooks.',
    );
}

/** For `npm run bench`. */
export const withReferences = [...everything, references];
/** For runs of several ranks. */
export const withOpenMpi = [...everything, openMpi];
export const forBuild = [packages, build];
export const forLint = [packages];

const stampName = (step, context) => (step.stamp ? step.stamp(context) : step.name);
const diskOf = (step, context) => (typeof step.disk === 'function' ? step.disk(context) : step.disk);

/** The steps of a runtime: some are for a GPU only. */
export const stepsOf = (steps, runtime) => steps.filter((step) => step.runtimes?.includes(runtime) ?? true);

/** Whether a step's files are there, whole, and made from what is there now. */
export function isCurrent(step, context) {
  const stamp = readStamp(stamps, stampName(step, context));
  return stamp !== null && stamp.key === step.key(context) && firstDamaged(root, stamp.files) === null;
}

function record(step, context, result) {
  const files = listFiles(root, step.places(context), step.ignore);
  writeStamp(stamps, stampName(step, context), { key: step.key(context), files, result });
}

/** Makes one step unless it is current, or was brought up to date by another tool. */
async function makeStep(step, title, context) {
  const name = stampName(step, context);
  if (isCurrent(step, context)) return;
  if (step.adopt?.(readStamp(stamps, name))) return record(step, context);
  removeStamp(stamps, name);
  const progress = startProgress(title);
  try {
    // The environment anew: TensorFlow's step may have brought CUDA's folders.
    const result = await step.make({ ...context, environment: childEnvironment(context.runtime), progress });
    record(step, context, result);
  } catch (error) {
    progress.fail();
    throw error;
  }
  progress.done();
}

/** Checks the machine for what the steps that are not current need. */
function checkFor(steps, context) {
  const due = steps.filter(
    (step) => !isCurrent(step, context) && !step.adopt?.(readStamp(stamps, stampName(step, context))),
  );
  // A binding is compiled again after npm has renewed its package.
  const compiles = due.some((step) => step.needsCompiler) || (due.includes(packages) && steps.includes(binding));
  const machine = checkMachine({
    python: due.some((step) => step.needsPython),
    compiler: compiles,
    disk: due.reduce((sum, step) => sum + diskOf(step, context), 0),
  });
  if (machine.problems.length > 0)
    throw new SetupError(machine.problems.join('\n'), 'Then run it again: it goes on where it stopped.');
  return machine;
}

/** On Ctrl-C and the like: end the running command, free the lock, leave. */
function leaveOnSignals(lock, runningPid) {
  const handlers = stopSignals.map((signal) => {
    const handler = () => {
      const pid = runningPid();
      if (pid) process.kill(pid, 'SIGTERM');
      lock.release();
      console.error('\nSet-up was interrupted: run it again, it goes on where it stopped.');
      process.exit(statusOf(signal));
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  return () => handlers.forEach(([signal, handler]) => process.off(signal, handler));
}

/**
 * Makes sure that the steps are done.
 * @param {typeof everything} [list]
 * @param {{ repair?: boolean, runtime?: import('./runtime.mjs').Runtime }} [options] repair: make every
 *   step again; runtime: another than this machine's
 * @returns {Promise<{ environment: NodeJS.ProcessEnv, sentence: string }>} environment for the
 *   programs that use it; sentence: which device it is
 */
export async function ensure(list = everything, { repair = false, runtime = currentRuntime() } = {}) {
  wheelFor(runtime, thisSystem()); // Throws where TensorFlow has none.
  const base = { runtime };
  const steps = stepsOf(list, runtime);
  if (repair || !steps.every((step) => isCurrent(step, base))) await make(steps, base, repair);
  return { environment: childEnvironment(runtime), sentence: String(readStamp(stamps, device.name)?.result ?? '') };
}

async function make(steps, base, repair) {
  const lock = await acquireLock(lockFile, {
    onWait: (owner) =>
      console.log(
        `Another set-up${owner ? ` (process ${owner.pid} on ${owner.host})` : ''} is at work: waiting for it to end.`,
      ),
  });
  let running;
  const onStart = (pid) => {
    running = pid;
    lock.running(pid);
  };
  const restoreSignals = leaveOnSignals(lock, () => running);
  try {
    fs.rmSync(temporary, { recursive: true, force: true });
    fs.mkdirSync(temporary, { recursive: true });
    if (repair) {
      for (const step of steps) {
        removeStamp(stamps, stampName(step, base));
        step.forget?.();
      }
    }
    const context = { ...base, machine: checkFor(steps, base), onStart };
    for (const [index, step] of steps.entries())
      await makeStep(step, `[${index + 1}/${steps.length}] ${step.title}`, context);
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
    restoreSignals();
    lock.release();
  }
}
