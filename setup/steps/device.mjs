/** Step: multiply a matrix on the chosen device and say which one it is. */
import { fromRoot, stamps } from '../paths.mjs';
import { ask, runQuietly } from '../run.mjs';
import { hash, readStamp } from '../stamps.mjs';

/** Name, memory and driver of the first GPU as nvidia-smi tells them, null if there is none. */
export const gpuName = () =>
  ask('nvidia-smi', ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'])?.split('\n')[0] || null;

/**
 * @param {{ device: string, tensorflow: string }} answer of multiply.cjs
 * @param {string} runtime that was set up
 * @param {string | null} gpu
 */
export function deviceSentence({ device, tensorflow }, runtime, gpu) {
  if (device === 'gpu') return `TensorFlow ${tensorflow} runs on the GPU${gpu ? ` (${gpu})` : ''}`;
  const why = runtime === 'gpu' ? '; the CUDA libraries are set up, but TensorFlow found no usable GPU' : '';
  return `TensorFlow ${tensorflow} runs on the CPU${why}`;
}

export const device = {
  name: 'device',
  title: 'Multiplying a matrix',
  disk: 0,
  /** Again whenever anything below it was made again, or Node has changed. */
  key({ runtime }) {
    const names = ['packages', `tensorflow-${runtime}`, 'cuda', 'binding', 'build'];
    const below = names.map((name) => readStamp(stamps, name));
    return hash(process.execPath, process.version, runtime, ...below.map((stamp) => `${stamp?.key} ${stamp?.time}`));
  },
  places: () => [],

  async make({ runtime, onStart, environment, progress }) {
    const output = await runQuietly(process.execPath, [fromRoot('setup', 'multiply.cjs')], {
      log: 'device',
      env: environment,
      onStart,
    });
    const sentence = deviceSentence(
      JSON.parse(output.trim().split('\n').at(-1)),
      runtime,
      runtime === 'gpu' ? gpuName() : null,
    );
    progress.update(sentence);
    return sentence;
  },
};
