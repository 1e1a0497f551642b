/**
 * `npm test`: set-up (which compiles and so type-checks lib/), type check of the tests, lint, then
 * every *.test.ts in test/ under node:test. `npm test -- test/wavelet test/coco/reader.test.ts`
 * runs only those.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SetupError } from './errors.mjs';
import { fromRoot, nodeModules, root } from './paths.mjs';
import { seconds } from './progress.mjs';
import { runInForeground, watchedNode } from './run.mjs';
import { ensure, needPython, withOpenMpi } from './setup.mjs';
import { listFiles } from './stamps.mjs';

/**
 * The test files in the given files and folders, sorted.
 * @param {string} base
 * @param {string[]} places relative to base
 */
export function testFiles(base, places) {
  const missing = places.find((place) => !fs.existsSync(path.join(base, place)));
  if (missing)
    throw new SetupError(
      `There is no test file or folder "${missing}".`,
      'Name files or folders such as test/wavelet.',
    );
  const files = Object.keys(listFiles(base, places.map((place) => place.replace(/\/+$/, ''))));
  return files.filter((file) => file.endsWith('.test.ts')).sort();
}

/** How many files are tested at once; Node by itself leaves one processor out, of two the half. */
const concurrency = Math.min(os.availableParallelism(), 4);

export async function test(words) {
  const files = testFiles(
    root,
    words.length > 0 ? words.map((word) => path.relative(root, path.resolve(word))) : ['test'],
  );
  if (files.length === 0)
    throw new SetupError(`${words.join(' ')} holds no test.`, 'Tests are the files test/**/*.test.ts.');
  const distributed = files.some((file) => file.startsWith('test/train/distributed/'));
  const { environment, sentence } = await ensure(distributed ? withOpenMpi : undefined);
  console.log(`${sentence}.`);
  const begin = Date.now();
  const tool = (...parts) => path.join(nodeModules, ...parts);
  const parts = [
    { name: 'types', words: [tool('typescript', 'bin', 'tsc'), '-p', fromRoot('test')] },
    { name: 'lint', words: [tool('eslint', 'bin', 'eslint.js'), '.'] },
    {
      name: 'tests',
      words: [
        ...[tool('tsx', 'dist', 'cli.mjs'), '--test', '--test-reporter=spec'],
        ...[`--test-concurrency=${concurrency}`, ...files],
      ],
    },
  ];
  const failed = [];
  for (const part of parts) {
    const start = Date.now();
    const status = await runInForeground([...watchedNode, ...part.words], { env: environment });
    if (status > 128) return status;
    if (status !== 0) failed.push(part.name);
    if (part.name !== 'tests')
      console.log(`${part.name}: ${status === 0 ? 'no problems' : 'problems, see above'} (${seconds(start)})`);
  }
  if (failed.length > 0) console.log(`\nFailed: ${failed.join(', ')}.`);
  else console.log(`\nTypes, lint and ${files.length} test files passed in ${seconds(begin)}.`);
  return failed.length > 0 ? 1 : 0;
}

/**
 * `npm run test:browser`: notebooks in JupyterLab and Chromium. Apart from `npm test`, since
 * Chromium is the system's.
 */
export async function testBrowser(words) {
  if (words.length > 0)
    throw new SetupError(
      `test:browser does not know "${words[0]}".`,
      'It takes no arguments; CHROMIUM names the browser.',
    );
  needPython();
  const { environment } = await ensure();
  const files = ['live', 'notebooks'].map((name) => fromRoot('test', 'browser', `${name}.browser.ts`));
  const tsx = path.join(nodeModules, 'tsx', 'dist', 'cli.mjs');
  const program = [...watchedNode, tsx, '--test', '--test-concurrency=1', '--test-reporter=spec', ...files];
  return runInForeground(program, { env: environment });
}

/** `npm run test:mutations`: whether the tests notice faults that are put into the library. */
export async function testMutations(words) {
  const { environment } = await ensure();
  const tsx = path.join(nodeModules, 'tsx', 'dist', 'cli.mjs');
  const program = [...watchedNode, tsx, fromRoot('test', 'mutations', 'run.ts'), ...words];
  return runInForeground(program, { env: environment });
}
