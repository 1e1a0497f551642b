/**
 * Step: node_modules/, exactly as package-lock.json names it. An installation that npm itself
 * finished is taken as it is.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fromRoot, nodeModules, root } from '../paths.mjs';
import { runQuietly } from '../run.mjs';
import { thisSystem } from '../runtime.mjs';
import { hash } from '../stamps.mjs';

/** npm writes this list last, so an interrupted installation has none. */
const installedList = path.join(nodeModules, '.package-lock.json');

/** ONNX Runtime's libraries for other systems, which lie in one package with this one's (250 MB). */
export const foreign = ['darwin', 'linux', 'win32']
  .filter((platform) => platform !== process.platform)
  .map((platform) => `node_modules/onnxruntime-node/bin/napi-v6/${platform}`);

/** Made by other steps and by tools, inside node_modules. */
const others = ['.cache', '.package-lock.json', '@tensorflow/tfjs-node-gpu/lib', '@tensorflow/tfjs-node-gpu/deps'].map(
  (name) => `node_modules/${name}`,
);

const readPackages = (file) => JSON.parse(fs.readFileSync(file, 'utf8')).packages;

/**
 * The first package that the lock file wants and the installed list lacks, or has in another
 * version; null if there is none. Packages for other systems are optional and may be missing.
 * @param {Record<string, { version?: string, optional?: boolean, link?: boolean }>} wanted
 * @param {Record<string, { version?: string }>} installed
 */
export function firstMissing(wanted, installed) {
  for (const [place, { version, optional, link }] of Object.entries(wanted)) {
    if (!place.includes('node_modules/')) continue;
    const found = installed[place];
    if (found ? !link && found.version !== version : !optional) return place;
  }
  return null;
}

/**
 * npm's own command line where npm started us (`npm start`), so that it runs with this Node; else
 * the npm on the PATH.
 */
export function npmCommand(environment = process.env) {
  const script = environment.npm_execpath;
  return script && /npm-cli\.js$/.test(script) && fs.existsSync(script) ? [process.execPath, script] : ['npm'];
}

export const packages = {
  name: 'packages',
  title: 'npm packages',
  disk: 1.3e9,
  key: () => hash(fs.readFileSync(fromRoot('package-lock.json')), thisSystem()),
  places: () => ['node_modules'],
  ignore: (file) => others.includes(file) || foreign.includes(file),

  /** @param {{ time: number } | null} stamp */
  adopt(stamp) {
    const stat = fs.statSync(installedList, { throwIfNoEntry: false });
    if (!stat || (stamp && stat.mtimeMs <= stamp.time)) return false;
    const installed = readPackages(installedList);
    return (
      firstMissing(readPackages(fromRoot('package-lock.json')), installed) === null &&
      Object.keys(installed).every((place) => fs.existsSync(fromRoot(place, 'package.json')))
    );
  },

  /** Leaves nothing to adopt. */
  forget: () => fs.rmSync(installedList, { force: true }),

  async make({ onStart, environment }) {
    const [program, ...script] = npmCommand();
    const quiet = [
      '--ignore-scripts',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      '--no-progress',
    ];
    await runQuietly(program, [...script, 'ci', ...quiet], { log: 'packages', cwd: root, env: environment, onStart });
  },
};
