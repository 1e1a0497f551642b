/** What this process runs on: shown at the start of the course, and of use in a question to others. */
import * as os from 'node:os';
import { allowsTf32 } from './gpu';
import { kernelLevel, ownKernels } from './native';
import { tf } from '../tf';

interface Native {
  binding?: { TF_Version?: string };
  isUsingGpuDevice?: boolean;
}
const native = (): Native => tf.backend() as unknown as Native;

/** The version of TensorFlow's native library. */
export const tensorflowVersion = (): string => native().binding?.TF_Version ?? 'unknown';

const deviceFacts = (gpu: boolean): { what: string; found: string }[] =>
  gpu
    ? [
        { what: 'device', found: 'GPU' },
        { what: 'TF32', found: allowsTf32(process.env) ? 'allowed' : 'off' },
      ]
    : [{ what: 'device', found: 'CPU' }];

/** Name and value of each fact, in the order to show them. */
export function environmentFacts(): { what: string; found: string }[] {
  const kernels = { onednn: "TensorFlow's own, with oneDNN", plain: "TensorFlow's own", stock: 'stock tfjs' }[
    kernelLevel()
  ];
  return [
    ...deviceFacts(native().isUsingGpuDevice === true),
    { what: 'processor', found: `${os.cpus()[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} threads` },
    { what: 'memory', found: `${(os.totalmem() / 2 ** 30).toFixed(0)} GB` },
    { what: 'system', found: `${os.type()} ${os.arch()}` },
    { what: 'Node', found: process.version.slice(1) },
    { what: 'TensorFlow', found: tensorflowVersion() },
    { what: 'tfjs', found: tf.version_core },
    { what: 'kernels', found: ownKernels() ? `${kernels}, and our own` : kernels },
  ];
}
