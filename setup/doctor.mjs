/**
 * `npm run doctor`: versions and devices, for bug reports. Changes nothing, and tells what it can
 * of an incomplete set-up.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readBundle } from './bundle-mark.mjs';
import { findCompiler, findPythons, freeDisk, thisLibraryProblem } from './checks.mjs';
import { fromRoot, nodeModules, runtimeFolder, venvPython } from './paths.mjs';
import { readText } from './platform.mjs';
import { ask } from './run.mjs';
import { childEnvironment, currentRuntime, hasNvidiaDriver, thisSystem } from './runtime.mjs';
import { everything, isCurrent, stepsOf } from './setup.mjs';
import { deviceSentence, gpuName } from './steps/device.mjs';
import { kernelFolder } from './steps/kernel.mjs';
import { npmCommand } from './steps/packages.mjs';

const gigabytes = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const packageVersion = (name) =>
  JSON.parse(fs.readFileSync(path.join(nodeModules, name, 'package.json'), 'utf8')).version;

function operatingSystem() {
  const pretty = /^PRETTY_NAME="?([^"\n]*)/m.exec(readText('/etc/os-release'))?.[1];
  const glibc = process.report?.getReport().header.glibcVersionRuntime;
  return `${pretty ?? os.type()}, kernel ${os.release()}, ${thisSystem()}${glibc ? `, glibc ${glibc}` : ''}`;
}

function npmVersion() {
  const [program, ...script] = npmCommand();
  return ask(program, [...script, '--version']) ?? 'not found';
}

function pythons() {
  const found = findPythons();
  return (
    found
      .map(({ version, executable, venv }) => `${version} ${executable}${venv ? '' : ' (without venv)'}`)
      .join('; ') || 'not found'
  );
}

function jupyterLab() {
  const script =
    'import platform, jupyterlab, nbclient; print(jupyterlab.__version__, "on Python", ' +
    'platform.python_version() + ", nbclient", nbclient.__version__)';
  return ask(venvPython, ['-c', script]) ?? (fs.existsSync(venvPython) ? 'does not load' : 'not installed');
}

function tensorflow() {
  const runtime = currentRuntime();
  const options = {
    env: childEnvironment(runtime),
    timeout: 120_000,
    showErrors: process.env.TF_CPP_MIN_LOG_LEVEL !== undefined,
  };
  const answer = ask(process.execPath, [fromRoot('setup', 'multiply.cjs')], options);
  const facts = answer && JSON.parse(answer.split('\n').at(-1));
  return facts
    ? `${deviceSentence(facts, runtime, gpuName())}; kernels: ${facts.kernels}`
    : 'does not load: run `npm run setup`, or TF_CPP_MIN_LOG_LEVEL=0 npm run doctor to see why';
}

function kernel() {
  const specification = JSON.parse(fs.readFileSync(path.join(kernelFolder, 'kernel.json'), 'utf8'));
  const missing = specification.argv.slice(0, 2).filter((file) => !fs.existsSync(file));
  return missing.length > 0
    ? `names a missing ${missing[0]}`
    : `tslab ${packageVersion('tslab')}, ${specification.argv[0]}`;
}

function setUp() {
  const context = { runtime: currentRuntime() };
  const due = stepsOf(everything, context.runtime).filter((step) => !isCurrent(step, context)).map((step) => step.name);
  return due.length > 0 ? `not current: ${due.join(', ')} (run \`npm run setup\`)` : 'complete';
}

function commit() {
  const bundle = readBundle();
  if (bundle) return `${bundle.commit}, unpacked from a bundle`;
  return ask('git', ['describe', '--always', '--dirty']) ?? 'not a git checkout';
}

const rows = [
  ['System', operatingSystem],
  ['Processor', () => `${os.cpus()[0]?.model ?? 'unknown'}, ${os.availableParallelism()} threads usable`],
  ['Memory', () => `${gigabytes(os.totalmem())}, ${gigabytes(os.freemem())} free`],
  ['Disk', () => `${gigabytes(freeDisk())} free${fs.existsSync(runtimeFolder) ? '' : ', nothing set up yet'}`],
  ['Node', () => `${process.version} ${process.execPath}`],
  ['npm', npmVersion],
  ['Python', pythons],
  ['C++ compiler', () => (findCompiler() ? ask(findCompiler(), ['--version'])?.split('\n')[0] : 'not found')],
  ['TensorFlow', tensorflow],
  ['Its needs', () => thisLibraryProblem() ?? 'met'],
  ['tfjs', () => `tfjs-node-gpu ${packageVersion('@tensorflow/tfjs-node-gpu')}`],
  ['Runtime', () => `${currentRuntime()}${process.env.FREEKD_RUNTIME ? ' (FREEKD_RUNTIME)' : ''}`],
  [
    'GPU',
    () => gpuName() ?? (hasNvidiaDriver() ? 'NVIDIA driver found, nvidia-smi tells nothing' : 'no NVIDIA driver'),
  ],
  ['JupyterLab', jupyterLab],
  ['Kernel', kernel],
  ['Commit', commit],
  ['Set-up', setUp],
];

export async function doctor() {
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, tell] of rows) {
    let text;
    try {
      text = tell();
    } catch (error) {
      text = error.code === 'ENOENT' ? 'not installed' : error.message.replaceAll('\n', ' ');
    }
    console.log(`${name.padEnd(width)}  ${text}`);
  }
  return 0;
}
