/**
 * Step: lib/ compiled to lib/dist. Compiled aside and swapped in, so that a failed or interrupted
 * build leaves the last good one.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fromRoot, nodeModules, temporary } from '../paths.mjs';
import { runQuietly } from '../run.mjs';
import { hash, listFiles } from '../stamps.mjs';

const compiler = path.join(nodeModules, 'typescript', 'bin', 'tsc');
const isOutput = (file) => file === 'lib/dist' || file.endsWith('/node_modules');

export const build = {
  name: 'build',
  title: 'lib/ to JavaScript',
  disk: 1e7,
  key() {
    const sources = Object.keys(listFiles(fromRoot(), ['lib'], isOutput))
      .filter((file) => /\.(ts|json)$/.test(file))
      .sort();
    const contents = sources.flatMap((file) => [file, fs.readFileSync(fromRoot(file))]);
    return hash(...contents, fs.readFileSync(fromRoot('package-lock.json')));
  },
  places: () => ['lib/dist'],

  async make({ onStart, environment }) {
    const output = path.join(temporary, 'dist');
    await runQuietly(
      process.execPath,
      [compiler, '-p', 'lib', '--outDir', output, '--noEmitOnError', '--pretty', 'false'],
      {
        log: 'build',
        env: environment,
        onStart,
      },
    );
    const dist = fromRoot('lib', 'dist');
    if (fs.existsSync(dist)) fs.renameSync(dist, path.join(temporary, 'old-dist'));
    fs.renameSync(output, dist);
  },
};
