/**
 * Step: our own operations for TensorFlow (lib/native), compiled for this very processor. They are
 * faster on a processor, never needed: where they do not compile, set-up goes on and lib/kernels takes others. A
 * folder that moves to another kind of processor has them compiled again.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findCompiler } from '../checks.mjs';
import { fromRoot, root, runtimeFolder, temporary } from '../paths.mjs';
import { readText } from '../platform.mjs';
import { ask, runQuietly } from '../run.mjs';
import { tensorflowFolder } from '../runtime.mjs';
import { hash } from '../stamps.mjs';
import { TENSORFLOW } from '../versions.mjs';
import { linkerArguments } from './binding.mjs';

const sources = fromRoot('lib', 'native');
const target = path.join(runtimeFolder, 'native', 'freekd_kernels.node');

const processorFlag = process.arch === 'arm64' ? '-mcpu=native' : '-march=native';

/**
 * The compiler's command line.
 * @param {{ runtime: import('../runtime.mjs').Runtime, output: string, folder: string, flags: string[] }} options
 *   folder: where the library will lie; flags: of optimisation and the like
 */
export function kernelCompilerArguments({ runtime, output, folder, flags }) {
  const library = path.join(tensorflowFolder(runtime), 'tensorflow');
  const files = fs.readdirSync(sources).filter((file) => file.endsWith('.cc'));
  return [
    ...['-std=c++17', ...flags, processorFlag, '-fPIC', '-pthread', '-I', path.join(library, 'include')],
    ...files.map((file) => path.join(sources, file)),
    ...linkerArguments({ platform: process.platform, library, origin: folder }),
    ...['-o', output],
  ];
}

/** The compiler that is there, null if there is none. */
function compilerVersion() {
  const compiler = findCompiler();
  return compiler && `${compiler} ${ask(compiler, ['--version'])}`;
}

/** What decides which instructions -march=native means. */
const processor = () => `${os.cpus()[0]?.model} ${/^(flags|Features)\s*:.*$/m.exec(readText('/proc/cpuinfo'))?.[0]}`;

export const kernels = {
  name: 'kernels',
  title: 'Kernels of our own',
  runtimes: ['cpu'],
  disk: 1e7,
  key({ runtime }) {
    const texts = fs.readdirSync(sources).sort().map((file) => fs.readFileSync(path.join(sources, file)));
    return hash(
      TENSORFLOW,
      runtime,
      process.platform,
      process.arch,
      processor(),
      compilerVersion() ?? 'no compiler',
      ...texts,
      fs.readFileSync(fromRoot('setup', 'steps', 'kernels.mjs')),
    );
  },
  places: () => [path.relative(root, target)],

  async make({ runtime, onStart, environment, progress }) {
    const output = path.join(temporary, 'freekd_kernels.node');
    fs.rmSync(target, { force: true });
    const compiler = findCompiler();
    if (!compiler) return progress.update("no C++ compiler, so TensorFlow's are used");
    progress.update(`compiling with ${compiler}`);
    try {
      const words = kernelCompilerArguments({ runtime, output, folder: path.dirname(target), flags: ['-O3'] });
      await runQuietly(compiler, words, { log: 'kernels', env: environment, onStart });
    } catch {
      return progress.update("could not be compiled (.runtime/logs/kernels.log), so TensorFlow's are used");
    }
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.renameSync(output, target);
    progress.update('');
  },
};
