/**
 * Step, for a GPU only: NVIDIA's libraries, which TensorFlow opens by name when it finds a GPU. They
 * are fetched as wheels, or, with FREEKD_CUDA=machine, linked from where this machine has them: of
 * CUDA 12, or of CUDA 13 under the names of 12, where only the names differ.
 */
import fs from 'node:fs';
import path from 'node:path';
import { SetupError } from '../errors.mjs';
import { cuda as folder, root, temporary } from '../paths.mjs';
import { ask } from '../run.mjs';
import { cudaSource, onPath, tensorflowFolder } from '../runtime.mjs';
import { hash } from '../stamps.mjs';
import { TENSORFLOW } from '../versions.mjs';
import { download, unpack } from '../wheels.mjs';

const CONTENTS = ['nvidia/*', '!nvidia/*/include/*'];
/** NVIDIA's wheels are tagged with older glibc versions than TensorFlow's. */
const TAGS = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64', 'manylinux1_x86_64'];

/** The runtime of CUDA 12: no other serves, and it is small, so it is never the machine's. */
const RUNTIME = 'nvidia-cuda-runtime-cu12';

/** What TensorFlow opens, each followed by the names that serve in its place. */
const LIBRARIES = [
  ['libcublas.so.12', 'libcublas.so.13'],
  ['libcublasLt.so.12', 'libcublasLt.so.13'],
  ['libcufft.so.11', 'libcufft.so.12'],
  ['libcusolver.so.11', 'libcusolver.so.12'],
  ['libcusparse.so.12'],
  ['libcudnn.so.9'],
];
/** What it opens where it is there. */
const OPTIONAL = [
  ['libnccl.so.2'],
  ['libcupti.so.12', 'libcupti.so.13'],
  ['libcurand.so.10'],
  ['libnvrtc.so.12', 'libnvrtc.so.13'],
  ['libnvJitLink.so.12', 'libnvJitLink.so.13'],
];
/** Files that these need beside them, under their own names. */
const COMPANION = /^lib(cu|nv|nccl)[\w-]*\.so(\.\d+)*$/;

/**
 * The requirements of the extra `and-cuda` in a wheel's METADATA.
 * @param {string} metadata
 * @returns {string[]} such as "nvidia-cublas-cu12<13.0,>=12.5.3.2"
 */
export function cudaRequirements(metadata) {
  return [...metadata.matchAll(/^Requires-Dist:\s*([^;\n]+);.*extra\s*==\s*["']and-cuda["']/gm)].map((match) =>
    match[1].trim(),
  );
}

function requirements(runtime) {
  const unpacked = tensorflowFolder(runtime);
  const info = fs.readdirSync(unpacked).find((name) => name.endsWith('.dist-info'));
  return cudaRequirements(fs.readFileSync(path.join(unpacked, info, 'METADATA'), 'utf8'));
}

/**
 * The links that give TensorFlow its names.
 * @param {string[]} folders searched in this order
 * @returns {{ links: Record<string, string>, missing: string[] }} the file behind each name; missing:
 *   names that TensorFlow needs and nothing serves for
 */
export function cudaLinks(folders) {
  /** @type {Record<string, string>} */
  const links = {};
  const missing = [];
  const sources = new Set();
  for (const names of [...LIBRARIES, ...OPTIONAL]) {
    const files = names.flatMap((name) => folders.map((place) => path.join(place, name)));
    const file = files.find((candidate) => fs.existsSync(candidate));
    if (file) {
      links[names[0]] = file;
      sources.add(path.dirname(file));
    } else if (LIBRARIES.includes(names)) missing.push(names.join(' or '));
  }
  for (const place of sources)
    for (const name of fs.readdirSync(place)) if (COMPANION.test(name)) links[name] ??= path.join(place, name);
  return { links, missing };
}

const SITE_PACKAGES = `
import glob, os, sys
for folder in sys.path:
    print(*glob.glob(os.path.join(folder, "nvidia", "*", "lib")), sep="\\n")
`;

/** Where this machine may have NVIDIA's libraries: the user's folders, CUDA's, Python's, the system's. */
function machineFolders() {
  const own = (process.env.LD_LIBRARY_PATH ?? '').split(':').filter((place) => place && !place.startsWith(folder));
  const children = (parent) => (fs.existsSync(parent) ? fs.readdirSync(parent) : []);
  const toolkits = children('/usr/local')
    .filter((name) => name.startsWith('cuda'))
    .flatMap((name) => ['lib64', 'targets/x86_64-linux/lib'].map((lib) => path.join('/usr/local', name, lib)));
  const pythons = [process.env.VIRTUAL_ENV && path.join(process.env.VIRTUAL_ENV, 'bin', 'python'), onPath('python3')];
  const packages = pythons.filter(Boolean).flatMap((python) => ask(python, ['-c', SITE_PACKAGES])?.split('\n') ?? []);
  const listed = (ask('ldconfig', ['-p']) ?? ask('/sbin/ldconfig', ['-p']) ?? '').matchAll(/=> (\/.*)$/gm);
  const system = [...listed].map((match) => path.dirname(match[1]));
  return [...new Set([...own, ...toolkits, ...packages, ...system])].filter((place) => place && fs.existsSync(place));
}

/** What a bundle without CUDA brings along all the same. */
const runtimePlace = path.join(folder, 'nvidia', 'cuda_runtime');

export const cudaRuntime = {
  name: 'cuda-runtime',
  title: "CUDA's runtime",
  runtimes: ['gpu'],
  disk: 1e7,
  key: () => hash(TENSORFLOW, RUNTIME, ...CONTENTS),
  places: () => [path.relative(root, runtimePlace)],

  async make(context) {
    const requirement = requirements(context.runtime).find((text) => text.startsWith(RUNTIME));
    const unpacked = path.join(temporary, 'cuda-runtime');
    for (const wheel of await download('cuda-runtime', [requirement], TAGS, context))
      await unpack(wheel, unpacked, CONTENTS, context);
    fs.rmSync(runtimePlace, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(runtimePlace), { recursive: true });
    fs.renameSync(path.join(unpacked, 'nvidia', 'cuda_runtime'), runtimePlace);
  },
};

async function linkMachine(context) {
  const { links, missing } = cudaLinks(machineFolders());
  if (missing.length > 0)
    throw new SetupError(
      `FREEKD_CUDA is machine, but this machine has no ${missing.join(', no ')}.`,
      'Add the folder that holds it to LD_LIBRARY_PATH, or set FREEKD_CUDA to download, or FREEKD_RUNTIME to cpu.',
    );
  if (!fs.existsSync(runtimePlace)) await cudaRuntime.make(context);
  const place = path.join(folder, 'nvidia', 'machine', 'lib');
  fs.rmSync(path.dirname(place), { recursive: true, force: true });
  fs.mkdirSync(place, { recursive: true });
  for (const [name, file] of Object.entries(links)) fs.symlinkSync(file, path.join(place, name));
  const borrowed = Object.entries(links).filter(([name, file]) => name !== path.basename(file));
  const as = borrowed.map(([name, file]) => `${path.basename(file)} as ${name}`).join(', ');
  context.progress.update(`${Object.keys(links).length} libraries of this machine${as && `, ${as}`}`);
}

async function fetchAll(context) {
  const unpacked = path.join(temporary, 'cuda');
  for (const wheel of await download('cuda', requirements(context.runtime), TAGS, context))
    await unpack(wheel, unpacked, CONTENTS, context);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(unpacked, folder);
  context.progress.update('');
}

export const cuda = {
  name: 'cuda',
  title: "NVIDIA's libraries",
  runtimes: ['gpu'],
  disk: () => (cudaSource() === 'machine' ? 1e7 : 9e9),
  key: () => hash(TENSORFLOW, cudaSource(), ...CONTENTS, JSON.stringify([LIBRARIES, OPTIONAL])),
  places: () => [path.relative(root, folder)],
  make: (context) => (cudaSource() === 'machine' ? linkMachine(context) : fetchAll(context)),
};
