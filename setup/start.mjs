/**
 * JupyterLab on notebooks/, with its own safe defaults: it listens on localhost only and asks for a
 * token. Its root is the repository, so that the notebooks' links to lib/ and data/ open there.
 * Arguments after `npm start --` go to it.
 */
import path from 'node:path';
import { root as repository } from './paths.mjs';
import { runInForeground, watchedPython } from './run.mjs';
import { ensure, needPython } from './setup.mjs';

/**
 * @param {{ words: string[], root: boolean, display: boolean, folder: string }} options words:
 *   arguments of the user; root: are we root; display: can a browser be opened here; folder: the
 *   repository
 */
export function jupyterArguments({ words, root, display, folder }) {
  const given = (name) => words.some((word) => word === name || word.startsWith(`${name}=`));
  return [
    ...[
      'jupyterlab',
      `--ServerApp.root_dir=${folder}`,
      `--FileContentsManager.preferred_dir=${path.join(folder, 'notebooks')}`,
    ],
    '--LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb',
    ...(root && !given('--allow-root') ? ['--allow-root'] : []),
    ...(!display && !given('--no-browser') ? ['--no-browser'] : []),
    ...words,
  ];
}

/** @param {NodeJS.ProcessEnv} environment */
export function hasDisplay(environment, platform = process.platform) {
  if (environment.SSH_CONNECTION) return false;
  if (platform !== 'linux') return true;
  return Boolean(
    environment.DISPLAY || environment.WAYLAND_DISPLAY || environment.WSL_DISTRO_NAME || environment.BROWSER,
  );
}

export async function start(words) {
  needPython();
  const { environment, sentence } = await ensure();
  console.log(`${sentence}. JupyterLab is starting; Ctrl-C twice ends it.`);
  const options = { words, root: process.getuid?.() === 0, display: hasDisplay(process.env), folder: repository };
  return runInForeground([...watchedPython, ...jupyterArguments(options)], { env: environment, terminal: true });
}
