/**
 * Step: TensorFlow's C library. pip fetches the wheel (so the pip configuration and its checksums
 * apply); the two libraries and the few C headers are unpacked from it, and the wheel is deleted.
 */
import fs from 'node:fs';
import path from 'node:path';
import { root, temporary } from '../paths.mjs';
import { tensorflowFolder, thisSystem, wheelFor } from '../runtime.mjs';
import { hash } from '../stamps.mjs';
import { TENSORFLOW } from '../versions.mjs';
import { download, unpack } from '../wheels.mjs';

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

export const tensorflow = {
  name: 'tensorflow',
  title: `TensorFlow ${TENSORFLOW}`,
  stamp: ({ runtime }) => `tensorflow-${runtime}`,
  /** The libraries, the wheel, and pip's copy of it. */
  disk: ({ runtime }) => (runtime === 'gpu' ? 2.5e9 : 1.5e9),
  key: ({ runtime }) => hash(TENSORFLOW, runtime, thisSystem(), ...LIBRARY, ...HEADERS),
  places: ({ runtime }) => [path.relative(root, tensorflowFolder(runtime))],

  async make(context) {
    const { runtime, progress } = context;
    const { name, tag } = wheelFor(runtime, thisSystem());
    const unpacked = path.join(temporary, 'unpacked');
    for (const wheel of await download(name, [`${name}==${TENSORFLOW}`], [tag], context))
      await unpack(wheel, unpacked, [...LIBRARY, ...HEADERS], context);
    const folder = tensorflowFolder(runtime);
    if (fs.existsSync(folder)) fs.renameSync(folder, path.join(temporary, 'old-tensorflow'));
    fs.renameSync(unpacked, folder);
    progress.update(`${name}, for the ${runtime.toUpperCase()}`);
  },
};
