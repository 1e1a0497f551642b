/**
 * Step: TensorFlow's C library. pip fetches the wheel (so the pip configuration and its checksums
 * apply); the two libraries and the few C headers are unpacked from it, for a GPU also NVIDIA's
 * libraries, and the wheels are deleted.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fromRoot, root, temporary, venvPython } from '../paths.mjs';
import { megabytes } from '../progress.mjs';
import { runQuietly } from '../run.mjs';
import { tensorflowFolder, thisSystem, wheelFor } from '../runtime.mjs';
import { hash, listFiles } from '../stamps.mjs';
import { TENSORFLOW, WHEEL_PYTHON } from '../versions.mjs';

const LIBRARY = [
  'tensorflow/libtensorflow_*',
  'tensorflow-*.dist-info/METADATA',
  'tensorflow_cpu-*.dist-info/METADATA',
];
const HEADERS = [
  'tensorflow/c',
  'tensorflow/core/common_runtime/next_pluggable_device/c',
  'tensorflow/core/platform',
  'tsl/platform',
  'xla/tsl/c',
].map((folder) => `tensorflow/include/${folder}/*.h`);
const CUDA = ['nvidia/*', '!nvidia/*/include/*'];
/** NVIDIA's wheels are tagged with older glibc versions than TensorFlow's. */
const CUDA_TAGS = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64', 'manylinux1_x86_64'];

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

/** Bytes in the larger files of a folder that a download is growing in. */
function bytesIn(folder) {
  try {
    return fs.readdirSync(folder, { recursive: true, withFileTypes: true }).reduce((sum, entry) => {
      const size = entry.isFile()
        ? (fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name), { throwIfNoEntry: false })?.size ?? 0)
        : 0;
      return sum + (size > 1e6 ? size : 0);
    }, 0);
  } catch {
    return 0; // pip moves its files while we look.
  }
}

/**
 * Fetches wheels into a new folder and returns their paths. pip's own temporary files go there too:
 * /tmp may be small.
 */
async function download(name, requirements, tags, { onStart, environment, progress }) {
  const folder = path.join(temporary, name);
  const scratch = path.join(folder, 'tmp');
  fs.mkdirSync(scratch, { recursive: true });
  const watch = setInterval(() => progress.update(`downloading ${name}, ${megabytes(bytesIn(scratch))}`), 500);
  const words = [
    '-m',
    'pip',
    'download',
    '--no-input',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
    '--no-deps',
    '--only-binary=:all:',
  ];
  const target = [
    '--python-version',
    WHEEL_PYTHON,
    '--implementation',
    'cp',
    ...tags.flatMap((tag) => ['--platform', tag]),
  ];
  try {
    await runQuietly(venvPython, [...words, ...target, '--dest', folder, ...requirements], {
      log: `download-${name}`,
      env: { ...environment, TMPDIR: scratch, PIP_USER: '0' },
      onStart,
    });
  } finally {
    clearInterval(watch);
  }
  return fs.readdirSync(folder).filter((file) => file.endsWith('.whl')).map((file) => path.join(folder, file));
}

export const tensorflow = {
  name: 'tensorflow',
  title: `TensorFlow ${TENSORFLOW}`,
  stamp: ({ runtime }) => `tensorflow-${runtime}`,
  /** The libraries, the wheels, and pip's copy of the wheels. */
  disk: ({ runtime }) => (runtime === 'gpu' ? 11e9 : 1.5e9),
  key: ({ runtime }) => hash(TENSORFLOW, runtime, thisSystem(), ...LIBRARY, ...HEADERS, ...CUDA),
  places: ({ runtime }) => [path.relative(root, tensorflowFolder(runtime))],

  async make(context) {
    const { runtime, onStart, environment, progress } = context;
    const { name, tag } = wheelFor(runtime, thisSystem());
    const unpacked = path.join(temporary, 'unpacked');
    const unpack = async (wheel, patterns) => {
      progress.update(`unpacking ${path.basename(wheel).split('-')[0]}`);
      await runQuietly(venvPython, [fromRoot('setup', 'unpack.py'), wheel, unpacked, ...patterns], {
        log: 'unpack',
        env: environment,
        onStart,
      });
      fs.rmSync(wheel);
    };
    for (const wheel of await download(name, [`${name}==${TENSORFLOW}`], [tag], context))
      await unpack(wheel, [...LIBRARY, ...HEADERS]);
    if (runtime === 'gpu') {
      const metadata = Object.keys(listFiles(unpacked, fs.readdirSync(unpacked))).find((file) =>
        file.endsWith('METADATA'),
      );
      const requirements = cudaRequirements(fs.readFileSync(path.join(unpacked, metadata), 'utf8'));
      for (const wheel of await download('cuda', requirements, CUDA_TAGS, context)) await unpack(wheel, CUDA);
    }
    const folder = tensorflowFolder(runtime);
    if (fs.existsSync(folder)) fs.renameSync(folder, path.join(temporary, 'old-tensorflow'));
    fs.renameSync(unpacked, folder);
    progress.update(`${name}, for the ${runtime.toUpperCase()}`);
  },
};
