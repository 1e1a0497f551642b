/** Step: .venv/ with JupyterLab. A venv cannot be moved, so it is made in its place; only a finished one gets its stamp. */
import fs from 'node:fs';
import path from 'node:path';
import { fromRoot, root, temporary, venv, venvPython } from '../paths.mjs';
import { runQuietly } from '../run.mjs';
import { hash } from '../stamps.mjs';

const requirements = fromRoot('setup', 'requirements.txt');

export const python = {
  name: 'python',
  title: 'Python environment',
  disk: 0.5e9,
  needsPython: true,

  /** The scripts of a venv hold its absolute path, and its python links to the one it was made with. */
  key() {
    if (!fs.existsSync(venvPython)) return null;
    return hash(fs.readFileSync(requirements), root, fs.realpathSync(venvPython));
  },
  places: () => ['.venv'],
  ignore: (file) => file.endsWith('__pycache__') || file === '.venv/share/jupyter/kernels',

  async make({ machine, onStart, environment, progress }) {
    if (fs.lstatSync(venv, { throwIfNoEntry: false })) fs.renameSync(venv, path.join(temporary, 'old-venv'));
    const run = (program, ...words) => runQuietly(program, words, { log: 'python', env: { ...environment, PIP_USER: '0' }, onStart });
    progress.update(`venv with Python ${machine.python.version}`);
    await run(machine.python.executable, '-m', 'venv', venv);
    progress.update('installing JupyterLab');
    await run(venvPython, '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off', '-r', requirements);
    progress.update(`JupyterLab on Python ${machine.python.version}`);
  },
};
