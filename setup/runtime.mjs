/**
 * CPU or GPU: which TensorFlow wheel, where it is unpacked, and the environment its users need.
 * FREEKD_RUNTIME=cpu|gpu overrides the choice.
 */
import fs from 'node:fs';
import path from 'node:path';
import { readBundle } from './bundle-mark.mjs';
import { SetupError } from './errors.mjs';
import { cuda, runtimeFolder, venv } from './paths.mjs';
import { TENSORFLOW } from './versions.mjs';

/** @typedef {'cpu' | 'gpu'} Runtime */

/** Wheels of TensorFlow 2.21 by system; `gpu` where that wheel holds CUDA code. */
const wheels = {
  'linux-x64': { tag: 'manylinux_2_27_x86_64', cpu: 'tensorflow-cpu', gpu: 'tensorflow' },
  'linux-arm64': { tag: 'manylinux_2_27_aarch64', cpu: 'tensorflow' },
  'darwin-arm64': { tag: 'macosx_12_0_arm64', cpu: 'tensorflow' },
};

/**
 * @param {{ override?: string, system: string, driver: boolean }} machine system as "linux-x64";
 *   driver: an NVIDIA driver is installed
 * @returns {Runtime}
 */
export function chooseRuntime({ override, system, driver }) {
  const able = Boolean(wheels[system]?.gpu);
  if (!override) return driver && able ? 'gpu' : 'cpu';
  if (override !== 'cpu' && override !== 'gpu') {
    throw new SetupError(
      `FREEKD_RUNTIME is "${override}".`,
      'Set it to cpu or gpu, or leave it out to have the choice made for you.',
    );
  }
  if (override === 'gpu' && !able) {
    throw new SetupError(
      `FREEKD_RUNTIME is gpu, but TensorFlow ${TENSORFLOW} has a CUDA wheel for linux-x64 only; this is ${system}.`,
      'Set it to cpu.',
    );
  }
  return override;
}

/**
 * The wheel to fetch.
 * @param {Runtime} runtime
 * @param {string} system
 * @returns {{ name: string, tag: string }}
 */
export function wheelFor(runtime, system) {
  const wheel = wheels[system];
  if (!wheel) {
    const where = system.startsWith('win32')
      ? 'On Windows use WSL2: `wsl --install`, then clone and run this project inside its Ubuntu.'
      : `It runs on ${Object.keys(wheels).join(', ')}.`;
    throw new SetupError(`TensorFlow ${TENSORFLOW} has no library for this system (${system}).`, where);
  }
  return { name: wheel[runtime], tag: wheel.tag };
}

/** The NVIDIA kernel driver, in Linux or handed through to WSL2. */
export function hasNvidiaDriver() {
  const signs = ['/proc/driver/nvidia/version', '/usr/lib/wsl/lib/libcuda.so.1'];
  return signs.some((file) => fs.existsSync(file)) || onPath('nvidia-smi') !== null;
}

/** The absolute path of a command, null if there is none. */
export function onPath(command) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, command);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      if (folder && fs.statSync(file).isFile()) return file;
    } catch {
      // Not here: look in the next folder.
    }
  }
  return null;
}

export const thisSystem = () => `${process.platform}-${process.arch}`;

/** @returns {Runtime} of this machine */
export const currentRuntime = () =>
  chooseRuntime({ override: process.env.FREEKD_RUNTIME, system: thisSystem(), driver: hasNvidiaDriver() });

/** @param {Runtime} runtime */
export const tensorflowFolder = (runtime) => path.join(runtimeFolder, `tensorflow-${TENSORFLOW}-${runtime}`);

/**
 * Where NVIDIA's libraries come from: FREEKD_CUDA, or what the bundle that this folder was unpacked
 * from left out, or a download.
 * @returns {'download' | 'machine'}
 */
export function cudaSource() {
  const source = process.env.FREEKD_CUDA ?? readBundle()?.cuda ?? 'download';
  if (source !== 'download' && source !== 'machine')
    throw new SetupError(
      `FREEKD_CUDA is "${source}".`,
      'Set it to download, or to machine to use the CUDA libraries that this machine has.',
    );
  return source;
}

/** Folders of NVIDIA's libraries. TensorFlow opens them by name at run time. */
export function cudaFolders(runtime) {
  const nvidia = path.join(cuda, 'nvidia');
  if (runtime !== 'gpu' || !fs.existsSync(nvidia)) return [];
  return fs.readdirSync(nvidia).map((name) => path.join(nvidia, name, 'lib')).filter((folder) => fs.existsSync(folder));
}

/**
 * The variables that TensorFlow's users need.
 * @param {Runtime} runtime
 * @param {Record<string, string | undefined>} [base]
 * @returns {Record<string, string>}
 */
export function tensorflowVariables(runtime, base = process.env) {
  const variables = { TF_CPP_MIN_LOG_LEVEL: base.TF_CPP_MIN_LOG_LEVEL ?? '2' };
  const folders = cudaFolders(runtime);
  if (folders.length === 0) return variables;
  const inherited = (base.LD_LIBRARY_PATH ?? '').split(':').filter((folder) => folder && !folders.includes(folder));
  return { ...variables, LD_LIBRARY_PATH: [...folders, ...inherited].join(':') };
}

/**
 * The environment of everything that set-up starts: this Node and the venv's Python come first, and
 * no other Python leaks in.
 * @param {Runtime} runtime
 */
export function childEnvironment(runtime) {
  const environment = { ...process.env, ...tensorflowVariables(runtime) };
  delete environment.PYTHONHOME;
  delete environment.PYTHONPATH;
  const first = [path.join(venv, 'bin'), path.dirname(process.execPath)];
  environment.PATH = [...first, process.env.PATH ?? ''].join(path.delimiter);
  environment.VIRTUAL_ENV = venv;
  return environment;
}
