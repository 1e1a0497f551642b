/**
 * Step: the native binding of @tensorflow/tfjs-node-gpu, two C++ files, compiled straight with the
 * C++ compiler, and before it one of ours that keeps TensorFlow's log quiet (quiet_binding.cc). It
 * is pure N-API: its headers come from the package node-api-headers, and one binding serves every
 * Node. It finds TensorFlow by a path relative to itself, so the project's folder can be moved.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fromRoot, nodeModules, root, temporary } from '../paths.mjs';
import { runQuietly } from '../run.mjs';
import { tensorflowFolder } from '../runtime.mjs';
import { hash, listFiles } from '../stamps.mjs';
import { TENSORFLOW } from '../versions.mjs';

const home = path.join(nodeModules, '@tensorflow', 'tfjs-node-gpu');
const headers = path.join(nodeModules, 'node-api-headers', 'include');
/** The newest N-API that the package knows, and where it looks for the binding on Node 20 and later. */
const NAPI_VERSION = 8;
const folder = path.join(home, 'lib', `napi-v${NAPI_VERSION}`);
const quiet = fromRoot('setup', 'quiet_binding.cc');
/** What is compiled: the binding under the name that quiet_binding.cc knows, and that file itself. */
export const parts = [
  {
    output: 'tfjs_binding_tensorflow.node',
    sources: ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => path.join(home, 'binding', name)),
    libraries: ['libtensorflow_cc', 'libtensorflow_framework'],
  },
  { output: 'tfjs_binding.node', sources: [quiet], libraries: [] },
];
const sources = parts.flatMap((part) => part.sources);

/**
 * The end of a command line that links an addon of Node with TensorFlow, found by a path relative
 * to the addon.
 * @param {{ platform: string, library: string, origin: string }} options library: folder of the
 *   TensorFlow libraries; origin: folder that the addon will lie in
 */
export function linkerArguments({ platform, library, origin }, libraries = parts[0].libraries) {
  const mac = platform === 'darwin';
  const names = libraries.map((name) => path.join(library, mac ? `${name}.2.dylib` : `${name}.so.2`));
  const kind = mac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  return [...kind, ...names, `-Wl,-rpath,${mac ? '@loader_path' : '$ORIGIN'}/${path.relative(origin, library)}`];
}

/**
 * The compiler's command line for one of `parts`.
 * @param {{ platform: string, library: string, output: string, origin: string }} options library:
 *   folder of the TensorFlow libraries; origin: folder that the binding will lie in
 */
export function compilerArguments({ platform, library, output, origin }, { sources, libraries } = parts[0]) {
  return [
    ...['-std=c++17', '-O2', '-fPIC', '-w', `-DNAPI_VERSION=${NAPI_VERSION}`],
    ...[headers, path.join(library, 'include'), home].flatMap((folder) => ['-I', folder]),
    ...sources,
    ...linkerArguments({ platform, library, origin }, libraries),
    ...['-o', output],
  ];
}

export const binding = {
  name: 'binding',
  title: 'TensorFlow binding',
  disk: 1e7,
  needsCompiler: true,
  key({ runtime }) {
    if (!sources.every((file) => fs.existsSync(file)) || !fs.existsSync(headers)) return null;
    const texts = Object.keys(listFiles(home, ['binding']))
      .sort()
      .map((file) => fs.readFileSync(path.join(home, file)));
    return hash(
      TENSORFLOW,
      runtime,
      process.platform,
      process.arch,
      ...texts,
      fs.readFileSync(quiet),
      fs.readFileSync(fromRoot('setup', 'steps', 'binding.mjs')),
    );
  },
  places: () => ['node_modules/@tensorflow/tfjs-node-gpu/lib'],

  async make(context) {
    context.progress.update(`compiling with ${context.machine.compiler}`);
    await compileBinding(context, temporary);
    fs.rmSync(path.join(home, 'lib'), { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    for (const { output } of parts) fs.renameSync(path.join(temporary, output), path.join(folder, output));
    context.progress.update('');
  },
};

/** Compiles all parts for a runtime into `target`; they work in `bindingFolder` only. */
export async function compileBinding({ runtime, machine, onStart, environment }, target) {
  const library = path.join(tensorflowFolder(runtime), 'tensorflow');
  for (const part of parts) {
    const output = path.join(target, part.output);
    const words = compilerArguments({ platform: process.platform, library, output, origin: folder }, part);
    await runQuietly(machine.compiler, words, { log: 'binding', env: environment, onStart });
  }
}

/** Relative to the project. */
export const bindingFolder = path.relative(root, folder);
