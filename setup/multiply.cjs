/**
 * Multiplies two matrices on the chosen device, in a process of its own, and prints one line of
 * JSON: { device, tensorflow, tfjs, kernels }. Fails if the library does not load or the product is
 * wrong.
 */
const { environmentFacts } = require('../lib/dist/core/environment.js');
const { tf } = require('../lib/dist/tf.js');

const n = 32; // whole numbers below 1024: exact in TF32 as well
const left = tf.range(0, n * n).reshape([n, n]);
const product = tf.matMul(left, tf.eye(n)).sub(left).abs().max().dataSync()[0];
if (product !== 0) {
  console.error(`A ${n}x${n} matrix times the identity is off by ${product}.`);
  process.exit(1);
}
const backend = tf.backend();
console.log(
  JSON.stringify({
    device: backend.isUsingGpuDevice ? 'gpu' : 'cpu',
    tensorflow: backend.binding.TF_Version,
    tfjs: tf.version['tfjs-node'] ?? tf.version.tfjs,
    kernels: environmentFacts().find(({ what }) => what === 'kernels').found,
  }),
);
