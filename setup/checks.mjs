/**
 * What the machine must have. Each check answers null or one clear sentence with the remedy; Node's
 * own version is checked in index.mjs.
 */
import fs from 'node:fs';
import { family, readText, remedy } from './platform.mjs';
import { root } from './paths.mjs';
import { ask } from './run.mjs';
import { onPath } from './runtime.mjs';
import { atLeast, PYTHON_MINIMUM } from './versions.mjs';

/** @typedef {import('./platform.mjs').Family} Family */
/** @typedef {{ command: string, executable: string, version: string, venv: boolean }} Python */

const PROBE = `
import json, sys
try:
    import venv, ensurepip
    able = True
except ImportError:
    able = False
print(json.dumps({"executable": getattr(sys, "_base_executable", sys.executable),
  "version": "%d.%d.%d" % sys.version_info[:3], "venv": able}))
`;

/** @returns {Python[]} every Python that FREEKD_PYTHON or the usual names lead to */
export function findPythons() {
  const chosen = process.env.FREEKD_PYTHON;
  const names = chosen ? [chosen] : ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
  const environment = { ...process.env };
  delete environment.PYTHONHOME;
  delete environment.PYTHONPATH;
  const found = [];
  for (const command of names) {
    const answer = ask(command, ['-c', PROBE], { env: environment });
    if (!answer) continue;
    const python = { command, ...JSON.parse(answer) };
    found.push(python);
    if (isUsable(python)) break;
  }
  return found;
}

const isUsable = (python) => python.venv && atLeast(python.version, PYTHON_MINIMUM);

/**
 * @param {Python[]} pythons
 * @param {Family} system
 * @returns {{ python: Python } | { problem: string }}
 */
export function choosePython(pythons, system) {
  const python = pythons.find(isUsable);
  if (python) return { python };
  const recent = pythons.find(({ version }) => atLeast(version, PYTHON_MINIMUM));
  const state = recent
    ? `${recent.command} is ${recent.version} but lacks the modules venv and ensurepip`
    : pythons.length > 0
      ? `${pythons[0].command} is ${pythons[0].version}`
      : 'none was found';
  const other = recent ? '' : ' If a newer one has another name, set FREEKD_PYTHON to its path.';
  return {
    problem: `Python ${PYTHON_MINIMUM} or newer with venv is needed, ${state}. ${remedy('python', system)}${other}`,
  };
}

/** @returns {string | null} the C++ compiler: CXX, g++, c++ or clang++ */
export function findCompiler() {
  const names = process.env.CXX ? [process.env.CXX] : ['g++', 'c++', 'clang++'];
  return (
    names.find(
      (name) => (name.includes('/') ? fs.existsSync(name) : onPath(name)) && ask(name, ['--version']) !== null,
    ) ?? null
  );
}

/**
 * @param {string | null} compiler
 * @param {Family} system
 */
export function compilerProblem(compiler, system) {
  if (compiler) return null;
  const asked = process.env.CXX
    ? `CXX is "${process.env.CXX}", which does not run`
    : 'neither g++, c++ nor clang++ was found';
  return `A C++ compiler is needed, ${asked}. ${remedy('compiler', system)}`;
}

/**
 * @param {number} free bytes
 * @param {number} needed bytes
 */
export function diskProblem(free, needed) {
  if (free >= needed) return null;
  const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;
  return (
    `${gigabytes(needed)} of free disk space is needed in ${root}, there is ` +
    `${gigabytes(free)}. Free some, or move this folder to a larger disk.`
  );
}

export function freeDisk() {
  const { bavail, bsize } = fs.statfsSync(root);
  return bavail * bsize;
}

/**
 * TensorFlow's Linux library wants glibc 2.27 and, on x86-64, a processor with AVX.
 * @param {{ platform: string, arch: string, glibc: string | undefined, cpuinfo: string }} machine
 */
export function libraryProblem({ platform, arch, glibc, cpuinfo }) {
  if (platform !== 'linux') return null;
  if (!glibc)
    return (
      'TensorFlow needs glibc, this system has another C library (Alpine?). Use ' +
      'Debian, Ubuntu or Fedora, for example in a container.'
    );
  if (!atLeast(glibc, '2.27'))
    return (
      `TensorFlow needs glibc 2.27 or newer, this system has ${glibc}. Use a ` +
      'newer release (Debian 10, Ubuntu 18.04 or later).'
    );
  if (arch === 'x64' && /^flags\s*:/m.test(cpuinfo) && !/^flags\s*:.*\bavx\b/m.test(cpuinfo)) {
    return (
      'TensorFlow needs a processor with AVX, this one (or its emulator) has none. Run ' +
      'it on another machine, or pass the host processor through.'
    );
  }
  return null;
}

export const thisLibraryProblem = () =>
  libraryProblem({
    platform: process.platform,
    arch: process.arch,
    glibc: process.report?.getReport().header.glibcVersionRuntime,
    cpuinfo: readText('/proc/cpuinfo'),
  });

/**
 * Checks all that the coming steps need.
 * @param {{ python: boolean, compiler: boolean, disk: number }} needs disk in bytes
 * @returns {{ python: Python | null, compiler: string | null, problems: string[] }}
 */
export function checkMachine(needs) {
  const system = family();
  const problems = [thisLibraryProblem(), diskProblem(freeDisk(), needs.disk)];
  const choice = needs.python ? choosePython(findPythons(), system) : null;
  if (choice && 'problem' in choice) problems.push(choice.problem);
  const compiler = needs.compiler ? findCompiler() : null;
  if (needs.compiler) problems.push(compilerProblem(compiler, system));
  return {
    python: choice && 'python' in choice ? choice.python : null,
    compiler,
    problems: problems.filter((problem) => problem !== null),
  };
}
