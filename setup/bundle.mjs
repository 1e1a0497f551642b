/**
 * `npm run bundle`: all of this project in one archive for a machine without a network: Node and
 * npm, packages, TensorFlow, the binding, the library and its kernels' sources. unpack.sh beside it
 * makes the npm scripts work there, in any folder, for any user. JupyterLab is left out: it belongs
 * to the Python of its machine.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compress, fillStage, layersOf } from './bundle-layers.mjs';
import { SetupError } from './errors.mjs';
import { writeParts } from './parts.mjs';
import { bundles, fromRoot } from './paths.mjs';
import { megabytes, seconds, startProgress } from './progress.mjs';
import { currentRuntime } from './runtime.mjs';
import { ensure } from './setup.mjs';
import { build } from './steps/build.mjs';
import { cuda, cudaRuntime } from './steps/cuda.mjs';
import { packages } from './steps/packages.mjs';
import { python } from './steps/python.mjs';
import { tensorflow } from './steps/tensorflow.mjs';

const HELP = `Usage: npm run bundle -- [options]

Writes this project with all that it needs into one archive, for a machine without a network.
There: bash unpack.sh FOLDER

Options:
  --runtime cpu|gpu   whose TensorFlow to take (default: this machine's)
  --without-cuda      leave NVIDIA's libraries out: those of the other machine are used
                      (cuDNN 9, and CUDA 12 or 13)
  --part-size SIZE    cut the archive into parts of at most SIZE, such as 60M or 2G
  --level 0..9        xz's level: 0 is fast, 9 is small (default: 6)
  --out FOLDER        where the archive, its checksums and unpack.sh go (default: freekd-bundle)
  -h, --help          this text`;

/** @param {string} text such as "60M" @returns {number} bytes */
export function sizeOf(text) {
  const match = /^([1-9]\d*)([KMG]?)$/i.exec(text);
  if (!match) throw new SetupError(`--part-size is "${text}".`, 'Write a size such as 60M or 2G.');
  return Number(match[1]) * 1024 ** ['', 'K', 'M', 'G'].indexOf(match[2].toUpperCase());
}

/** @param {string[]} words @returns the options, or null where the user asks for help */
export function bundleOptions(words) {
  const options = {
    runtime: { type: 'string' },
    'without-cuda': { type: 'boolean', default: false },
    'part-size': { type: 'string' },
    level: { type: 'string', default: '6' },
    out: { type: 'string', default: 'freekd-bundle' },
    help: { type: 'boolean', short: 'h', default: false },
  };
  let values;
  try {
    ({ values } = parseArgs({ args: words, options }));
  } catch (error) {
    throw new SetupError(`${error.message.split('. ')[0]}.`, '`npm run bundle -- --help` lists the options.');
  }
  if (values.help) return null;
  const runtime = values.runtime ?? currentRuntime();
  if (runtime !== 'cpu' && runtime !== 'gpu')
    throw new SetupError(`--runtime is "${runtime}".`, 'It can be cpu or gpu.');
  if (!/^[0-9]$/.test(values.level)) throw new SetupError(`--level is "${values.level}".`, 'It can be 0 to 9.');
  return {
    runtime,
    withCuda: runtime === 'gpu' && !values['without-cuda'],
    partSize: values['part-size'] === undefined ? Infinity : sizeOf(values['part-size']),
    level: values.level,
    out: path.resolve(process.env.INIT_CWD ?? process.cwd(), values.out),
  };
}

/** unpack.sh for this bundle. */
const unpackScript = (bytes) =>
  fs
    .readFileSync(fromRoot('setup', 'unpack.sh'), 'utf8')
    .replaceAll('@SYSTEM@', 'Linux-x86_64')
    .replaceAll('@KILOBYTES@', String(Math.ceil(bytes / 1024)));

/** @param {string[]} words */
export async function bundle(words) {
  const options = bundleOptions(words);
  if (!options) {
    console.log(HELP);
    return 0;
  }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new SetupError('Bundles are made on Linux on x86-64, for the same.', 'Make it on such a machine.');
  const { runtime, withCuda, level, out, partSize } = options;
  if (fs.existsSync(out) && fs.readdirSync(out).some((name) => !/^(freekd\.tar\.xz|SHA256SUMS|unpack\.sh)/.test(name)))
    throw new SetupError(`${out} holds other files.`, 'Name a new folder with --out.');
  const begin = Date.now();
  await ensure([packages, python, tensorflow, withCuda ? cuda : cudaRuntime, build], { runtime });
  const progress = startProgress('Bundle');
  try {
    const stage = path.join(bundles, 'stage');
    await fillStage(stage, options);
    const layers = [];
    let bytes = 0;
    for (const layer of layersOf(stage, options)) {
      const { file, size } = await compress(layer, level, progress);
      layers.push(file);
      bytes += size;
    }
    fs.rmSync(out, { recursive: true, force: true });
    fs.mkdirSync(out, { recursive: true });
    const parts = await writeParts(layers, path.join(out, 'freekd.tar.xz'), partSize);
    const sums = parts.map(({ name, sha256 }) => `${sha256}  ${name}\n`);
    fs.writeFileSync(path.join(out, 'SHA256SUMS'), sums.join(''));
    fs.writeFileSync(path.join(out, 'unpack.sh'), unpackScript(bytes));
    const total = parts.reduce((sum, part) => sum + part.bytes, 0);
    progress.done(`${megabytes(total)} in ${parts.length} part${parts.length > 1 ? 's' : ''}`);
  } catch (error) {
    progress.fail();
    throw error;
  }
  console.log(`Made in ${seconds(begin)}: copy ${out} to the other machine, and there run bash unpack.sh FOLDER.`);
  return 0;
}
