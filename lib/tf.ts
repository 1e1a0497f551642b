/**
 * TensorFlow, loaded once and in one place: `import { tf } from '../tf'` everywhere in lib/.
 *
 * Three things must happen before the native runtime loads: `util.isNullOrUndefined`, which it
 * calls, is gone since Node 23, and TensorFlow reads its log level, how to use a GPU and, in a rank
 * of a distributed run, its GPU and threads from the environment.
 */
import * as util from 'node:util';
import { gpuVariables } from './core/gpu';
import { placeRank } from './core/placement';

placeRank();
Object.assign(process.env, gpuVariables(process.env));
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const legacy = util as unknown as Record<string, unknown>;
if (legacy.isNullOrUndefined === undefined) {
  // `util` is a frozen namespace under ES module interop: patch the CommonJS object that tfjs-node
  // will receive.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('util').isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
}

import * as tf from '@tensorflow/tfjs-node-gpu';
import { keepScalars, type ScalarBackend } from './core/device-scalars';

const node = tf.backend() as unknown as ScalarBackend & { isUsingGpuDevice?: boolean };
if (node.isUsingGpuDevice) keepScalars(node);
export { tf };
export type {
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  TensorContainer,
  TensorLike,
} from '@tensorflow/tfjs-node-gpu';
