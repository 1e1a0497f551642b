/**
 * Step: tslab as a Jupyter kernel of .venv, and JupyterLab's settings there. The specification is
 * the one that `tslab install` writes, with this very Node, its absolute paths and TensorFlow's
 * variables added.
 */
import fs from 'node:fs';
import path from 'node:path';
import { nodeModules, root, temporary, venv } from '../paths.mjs';
import { tensorflowVariables } from '../runtime.mjs';
import { hash } from '../stamps.mjs';

export const kernelFolder = path.join(venv, 'share', 'jupyter', 'kernels', 'tslab');
const tslab = path.join(nodeModules, 'tslab', 'bin', 'tslab');

/**
 * @param {{ node: string, tslab: string, variables: Record<string, string> }} options
 */
export const kernelSpecification = ({ node, tslab: program, variables }) => ({
  argv: [node, program, 'kernel', '--config-path', '{connection_file}'],
  display_name: 'TypeScript',
  language: 'typescript',
  env: variables,
});

const specificationText = ({ runtime }) => {
  // Jupyter adds these to the environment it was started in.
  const variables = tensorflowVariables(runtime, {});
  return `${JSON.stringify(kernelSpecification({ node: process.execPath, tslab, variables }), null, 2)}\n`;
};

/** No question about news and no look for updates: the version is pinned. */
const labSettings = path.join(venv, 'share', 'jupyter', 'lab', 'settings', 'overrides.json');
const labDefaults = {
  '@jupyterlab/apputils-extension:notification': { fetchNews: 'false', checkForUpdates: false },
};
const labSettingsText = `${JSON.stringify(labDefaults, null, 2)}\n`;

export const kernel = {
  name: 'kernel',
  title: 'Notebook kernel',
  disk: 1e6,
  key: (context) => (fs.existsSync(tslab) ? hash(specificationText(context), labSettingsText) : null),
  places: () => [kernelFolder, labSettings].map((place) => path.relative(root, place)),

  async make(context) {
    const fresh = path.join(temporary, 'kernel');
    fs.mkdirSync(fresh, { recursive: true });
    fs.writeFileSync(path.join(fresh, 'kernel.json'), specificationText(context));
    fs.rmSync(kernelFolder, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(kernelFolder), { recursive: true });
    fs.renameSync(fresh, kernelFolder);
    fs.mkdirSync(path.dirname(labSettings), { recursive: true });
    fs.writeFileSync(labSettings, labSettingsText);
  },
};
