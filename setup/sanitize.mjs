/**
 * `npm run test:sanitize`: the kernels of lib/native built with AddressSanitizer and
 * UndefinedBehaviorSanitizer, and their tests on that build, one finding ending a test's process.
 */
import fs from 'node:fs';
import path from 'node:path';
import { findCompiler } from './checks.mjs';
import { SetupError } from './errors.mjs';
import { fromRoot, nodeModules, root, runtimeFolder } from './paths.mjs';
import { ask, runInForeground, runQuietly, watchedNode } from './run.mjs';
import { currentRuntime } from './runtime.mjs';
import { ensure } from './setup.mjs';
import { kernelCompilerArguments } from './steps/kernels.mjs';
import { testFiles } from './test.mjs';

const output = path.join(runtimeFolder, 'sanitized', 'freekd_kernels.node');
const flags = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

/** The sanitizers' library of this compiler, which has to be loaded before all else; null if it has none. */
function sanitizerLibrary(compiler) {
  const file = compiler && process.platform === 'linux' ? ask(compiler, ['-print-file-name=libasan.so'])?.trim() : null;
  return file && path.isAbsolute(file) ? file : null;
}

/** @param {string[]} words test files or folders; without them those of the kernels */
export async function testSanitize(words) {
  const { environment } = await ensure();
  const compiler = findCompiler();
  const preloaded = sanitizerLibrary(compiler);
  if (!preloaded) {
    console.log('Skipped: this needs Linux and a C++ compiler with AddressSanitizer (GCC with its libasan).');
    return 0;
  }
  console.log('Compiling lib/native with AddressSanitizer and UndefinedBehaviorSanitizer.');
  fs.mkdirSync(path.dirname(output), { recursive: true });
  const compilation = { runtime: currentRuntime(), output, folder: path.dirname(output), flags };
  await runQuietly(compiler, kernelCompilerArguments(compilation), { log: 'sanitized-kernels', env: environment });

  // Node and TensorFlow are not instrumented and keep memory to the end: leaks say nothing here.
  const env = {
    ...environment,
    LD_PRELOAD: preloaded,
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    FREEKD_KERNELS: 'own',
    FREEKD_KERNEL_LIBRARY: output,
  };
  const native = JSON.stringify(fromRoot('lib', 'dist', 'core', 'native.js'));
  const question = `process.exit(require(${native}).ownKernels() ? 0 : 1)`;
  if ((await runInForeground([...watchedNode, '-e', question], { env })) !== 0)
    throw new SetupError('The kernels built with sanitizers do not run.', 'What they said is above.');
  const places = words.length > 0 ? words.map((word) => path.relative(root, path.resolve(word))) : ['test/kernels'];
  const tsx = path.join(nodeModules, 'tsx', 'dist', 'cli.mjs');
  return runInForeground(
    [...watchedNode, tsx, '--test', '--test-reporter=spec', '--test-concurrency=1', ...testFiles(root, places)],
    { env },
  );
}
