/**
 * What a bundle is made of: layers, each compressed apart, so that what has not changed is not
 * compressed again.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readBundle } from './bundle-mark.mjs';
import { checkMachine } from './checks.mjs';
import { SetupError } from './errors.mjs';
import { bundleMark, bundles, cuda as cudaFolder, fromRoot, root, stamps } from './paths.mjs';
import { megabytes } from './progress.mjs';
import { ask } from './run.mjs';
import { childEnvironment, tensorflowFolder } from './runtime.mjs';
import { hash, listFiles, readStamp, writeStamp } from './stamps.mjs';
import { binding, bindingFolder, compileBinding } from './steps/binding.mjs';
import { build } from './steps/build.mjs';
import { cuda, cudaRuntime } from './steps/cuda.mjs';
import { foreign, npmCommand, packages } from './steps/packages.mjs';
import { tensorflow } from './steps/tensorflow.mjs';

/** What set-up and runs make, in a folder that git does not tell of. */
const GENERATED = new Set(['.git', '.venv', '.runtime', 'node_modules', 'dist', '__pycache__', 'runs', 'site', 'coco']);

/** The files of the project, relative to it. */
function projectFiles() {
  const listed = ask('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z']);
  if (listed !== null) return listed.split('\0').filter((file) => file && fs.existsSync(fromRoot(file)));
  const ignore = (file) => GENERATED.has(path.basename(file)) || file.startsWith('data/results/local');
  return Object.keys(listFiles(root, fs.readdirSync(root), ignore));
}

/** The commit of this folder, with a + where files differ from it. */
function commit() {
  const head = ask('git', ['rev-parse', '--short=12', 'HEAD']);
  if (!head) return readBundle()?.commit ?? 'unknown';
  return ask('git', ['status', '--porcelain', '--untracked-files=no']) ? `${head}+` : head;
}

/** Node and npm, laid out so that both are found on one PATH. */
function copyNode(stage) {
  if (process.config.variables.node_shared)
    throw new SetupError(
      `${process.execPath} needs a library of this system (libnode), so it cannot go along.`,
      'Use a Node from nodejs.org or nvm.',
    );
  const [, script] = npmCommand();
  const npm = script ? path.dirname(path.dirname(script)) : path.join(ask('npm', ['root', '-g']) ?? '', 'npm');
  if (!fs.existsSync(path.join(npm, 'bin', 'npm-cli.js')))
    throw new SetupError('npm was not found beside Node.', 'Start this with `npm run bundle`.');
  const folder = path.join(stage, '.runtime', 'node');
  fs.mkdirSync(path.join(folder, 'bin'), { recursive: true });
  fs.copyFileSync(process.execPath, path.join(folder, 'bin', 'node'));
  fs.cpSync(npm, path.join(folder, 'lib', 'node_modules', 'npm'), { recursive: true, dereference: true });
  for (const name of ['npm', 'npx'])
    fs.symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, path.join(folder, 'bin', name));
}

/** What the archive holds that is not in this folder, under `stage`. */
export async function fillStage(stage, { runtime, withCuda }) {
  fs.rmSync(stage, { recursive: true, force: true });
  copyNode(stage);
  const { compiler, problems } = checkMachine({ python: false, compiler: true, disk: 2e9 });
  if (problems.length > 0) throw new SetupError(problems.join('\n'));
  fs.mkdirSync(path.join(stage, bindingFolder), { recursive: true });
  const context = { runtime, machine: { compiler }, onStart: () => {}, environment: childEnvironment(runtime) };
  await compileBinding(context, path.join(stage, bindingFolder));
  const target = path.join(stage, path.relative(root, stamps));
  const files = listFiles(stage, binding.places(context));
  writeStamp(target, binding.name, { key: binding.key(context), files });
  for (const name of [packages.name, tensorflow.stamp(context), build.name, ...(withCuda ? [cuda.name] : [])])
    fs.copyFileSync(path.join(stamps, `${name}.json`), path.join(target, `${name}.json`));
  const mark = { commit: commit(), runtime, cuda: withCuda ? 'download' : 'machine' };
  fs.writeFileSync(path.join(stage, path.relative(root, bundleMark)), `${JSON.stringify(mark)}\n`);
}

/**
 * @typedef {object} Layer
 * @property {string} name
 * @property {[string, string[]][]} contents folders with the files and folders taken from each
 * @property {string[]} [without] left out of the folders
 * @property {string | null} key what it was made from; null: it is made anew each time
 */

/** @returns {Layer[]} in the order of the archive */
export function layersOf(stage, { runtime, withCuda }) {
  const library = path.relative(root, tensorflowFolder(runtime));
  const keyOf = (name) => String(readStamp(stamps, name)?.key);
  const nested = ['lib/node_modules'].filter((place) => fs.existsSync(fromRoot(place)));
  const project = [...projectFiles(), 'lib/dist'];
  const made = [path.relative(root, bundleMark), path.relative(root, stamps), bindingFolder];
  const nvidia = withCuda ? path.relative(root, cudaFolder) : cudaRuntime.places()[0];
  const node = hash(process.version, ask(npmCommand()[0], [...npmCommand().slice(1), '--version']) ?? '');
  return [
    { name: 'project', contents: [[root, project], [stage, made]], key: null },
    { name: 'node', contents: [[stage, ['.runtime/node']]], key: node },
    {
      name: 'packages',
      contents: [[root, ['node_modules', ...nested]]],
      without: [bindingFolder, 'node_modules/.cache', ...foreign],
      key: keyOf(packages.name),
    },
    { name: `tensorflow-${runtime}`, contents: [[root, [library]]], key: keyOf(tensorflow.stamp({ runtime })) },
    ...(runtime === 'gpu'
      ? [{ name: 'cuda', contents: [[root, [nvidia]]], key: keyOf((withCuda ? cuda : cudaRuntime).name) }]
      : []),
  ];
}

/**
 * One layer as tar in xz, kept under `bundles` while it is made from the same.
 * @returns {Promise<{ file: string, size: number }>} size: bytes of the tar
 */
export async function compress({ name, contents, without = [], key }, level, progress) {
  const file = path.join(bundles, `${name}-${hash(key ?? '', level).slice(0, 12)}.tar.xz`);
  const sizeFile = `${file}.size`;
  if (key && fs.existsSync(file)) return { file, size: Number(fs.readFileSync(sizeFile, 'utf8')) };
  for (const old of fs.readdirSync(bundles)) if (old.startsWith(`${name}-`)) fs.rmSync(path.join(bundles, old));
  const lists = contents.map(([base, names], i) => {
    const list = path.join(bundles, `list-${i}`);
    fs.writeFileSync(list, names.join('\0'));
    return ['--directory', base, `--files-from=${list}`];
  });
  const words = ['--create', '--anchored', '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--null'];
  const exclude = without.map((place) => `--exclude=${place}`);
  const tar = spawn('tar', [...words, ...exclude, ...lists.flat()], { stdio: ['ignore', 'pipe', 'inherit'] });
  const xz = spawn('xz', ['--threads=0', `-${level}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  let bytes = 0;
  const count = new Transform({
    transform(chunk, _, next) {
      bytes += chunk.length;
      progress.update(`${name}, ${megabytes(bytes)}`);
      next(null, chunk);
    },
  });
  const ended = (child, tool) =>
    new Promise((resolve, reject) => {
      child.on('error', () => reject(new SetupError(`${tool} is needed to make a bundle, and was not found.`)));
      child.on('close', (code) => (code === 0 ? resolve() : reject(new SetupError(`${tool} failed on ${name}.`))));
    });
  await Promise.all([
    ended(tar, 'tar'),
    ended(xz, 'xz'),
    pipeline(tar.stdout, count, xz.stdin),
    pipeline(xz.stdout, fs.createWriteStream(`${file}.new`)),
  ]);
  fs.writeFileSync(sizeFile, String(bytes));
  fs.renameSync(`${file}.new`, file);
  return { file, size: bytes };
}
