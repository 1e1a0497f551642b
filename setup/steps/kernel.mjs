/**
 * Step: tslab as a Jupyter kernel of .venv, and settings of JupyterLab and its server there. The
 * specification is the one that `tslab install` writes, with this very Node, absolute paths,
 * TensorFlow's variables, and setup/kernel.mjs in place of tslab's program.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fromRoot, root, temporary, venv } from '../paths.mjs';
import { tensorflowVariables } from '../runtime.mjs';
import { hash } from '../stamps.mjs';

export const kernelFolder = path.join(venv, 'share', 'jupyter', 'kernels', 'tslab');
const tslab = fromRoot('setup', 'kernel.mjs');

/**
 * @param {{ node: string, tslab: string, variables: Record<string, string> }} options
 */
export const kernelSpecification = ({ node, tslab: program, variables }) => ({
  argv: [node, program, 'kernel', '--config-path', '{connection_file}'],
  display_name: 'TypeScript',
  language: 'typescript',
  env: variables,
});

const asText = (value) => `${JSON.stringify(value, null, 2)}\n`;

const specificationText = ({ runtime }) => {
  // Jupyter adds these to the environment it was started in.
  const variables = tensorflowVariables(runtime, {});
  return asText(kernelSpecification({ node: process.execPath, tslab, variables }));
};

/** Settings of JupyterLab and its server, by their place in .venv. */
const settings = {
  // No question about news and no look for updates: the version is pinned.
  'share/jupyter/lab/settings/overrides.json': {
    '@jupyterlab/apputils-extension:notification': { fetchNews: 'false', checkForUpdates: false },
  },
  // The server drops what a cell prints beyond a rate: 1 MB and 1000 messages a second, were it not for this.
  'etc/jupyter/jupyter_server_config.json': {
    ZMQChannelsWebsocketConnection: { iopub_data_rate_limit: 2e7, iopub_msg_rate_limit: 1e4 },
  },
};
const places = [kernelFolder, ...Object.keys(settings).map((place) => path.join(venv, place))];

export const kernel = {
  name: 'kernel',
  title: 'Notebook kernel',
  disk: 1e6,
  key: (context) => hash(specificationText(context), asText(settings)),
  places: () => places.map((place) => path.relative(root, place)),

  async make(context) {
    const fresh = path.join(temporary, 'kernel');
    fs.mkdirSync(fresh, { recursive: true });
    fs.writeFileSync(path.join(fresh, 'kernel.json'), specificationText(context));
    fs.rmSync(kernelFolder, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(kernelFolder), { recursive: true });
    fs.renameSync(fresh, kernelFolder);
    for (const [place, value] of Object.entries(settings)) {
      fs.mkdirSync(path.dirname(path.join(venv, place)), { recursive: true });
      fs.writeFileSync(path.join(venv, place), asText(value));
    }
  },
};
