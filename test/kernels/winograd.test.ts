/**
 * Winograd's convolution against TensorFlow's: values and gradients, on odd sizes, single pixels,
 * and channels that fill no vector.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { conv2d, conv2dLevels } from '../../lib/dist/kernels/conv';
import { ownKernels, setKernelLevel, type KernelLevel } from '../../lib/dist/core/native';
import { winograd } from '../../lib/dist/kernels/winograd';
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../../lib/dist/tf';
import { numbers } from '../detection/golden';

const tensor = (key: string, shape: number[]): Tensor =>
  tf.tensor(
    numbers(
      key,
      shape.reduce((a, b) => a * b),
      -1,
      1,
    ),
    shape,
  );

interface Case {
  /** Of each map, [N, H, W]. */
  sizes: [number, number, number][];
  inputs: number;
  outputs: number;
  bias: boolean;
  relu: boolean;
}
const cases: Case[] = [
  { sizes: [[2, 7, 5]], inputs: 5, outputs: 19, bias: true, relu: true },
  { sizes: [[1, 1, 1]], inputs: 3, outputs: 1, bias: false, relu: false },
  {
    sizes: [
      [1, 2, 2],
      [3, 4, 3],
      [1, 1, 6],
    ],
    inputs: 33,
    outputs: 16,
    bias: true,
    relu: false,
  },
  {
    sizes: [
      [2, 16, 16],
      [2, 8, 8],
      [2, 4, 4],
      [2, 2, 2],
      [2, 1, 1],
    ],
    inputs: 256,
    outputs: 36,
    bias: true,
    relu: true,
  },
  { sizes: [[1, 9, 9]], inputs: 300, outputs: 64, bias: false, relu: false }, // more channels than are summed at once
  // More tiles than are worked on together
  { sizes: [[1, 46, 45]], inputs: 256, outputs: 256, bias: false, relu: false },
];

/**
 * The values for every map, then the gradients of sum(y r) by the filter, the bias if there is one,
 * and every map.
 */
function valuesAndGradients({ sizes, inputs, outputs, bias, relu }: Case, convolve: typeof winograd): Tensor[] {
  const x = sizes.map((size, i) => tensor(`winograd/x${i}`, [...size, inputs]));
  const along = sizes.map((size, i) => tensor(`winograd/along${i}`, [...size, outputs]));
  const variables = [
    tensor('winograd/filter', [3, 3, inputs, outputs]),
    ...(bias ? [tensor('winograd/bias', [outputs])] : []),
    ...x,
  ];
  const run = (values: Tensor[]): Tensor4D[] =>
    convolve(values.slice(bias ? 2 : 1) as Tensor4D[], values[0] as Tensor4D, {
      ...(bias ? { bias: values[1] as Tensor1D } : {}),
      relu,
    });
  const loss = (...values: Tensor[]): tf.Scalar =>
    run(values)
      .map((y, i): tf.Scalar => tf.sum(tf.mul(y, along[i])))
      .reduce((a, b) => tf.add(a, b));
  return [...run(variables), ...tf.grads(loss)(variables)];
}

function at(level: KernelLevel, compute: () => Tensor[]): Float32Array[] {
  setKernelLevel(level);
  try {
    return tf.tidy(() => compute().map((y) => y.dataSync() as Float32Array));
  } finally {
    setKernelLevel(undefined);
  }
}

/** |a - b| / |b|, of all values as one vector. */
function relativeError(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length);
  const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(a.map((value, i) => value - b[i])) / Math.max(norm(b), 1e-30);
}

describe(
  'Winograd convolution',
  { skip: ownKernels() ? false : 'our kernels are not compiled here: see .runtime/logs/kernels.log' },
  () => {
    for (const given of cases) {
      it(
        `equals the direct sum: ${given.inputs} to ${given.outputs} channels on ` +
          `${given.sizes.map((size) => `[${size}]`).join(', ')}`,
        () => {
          const before = tf.memory().numTensors;
          const own = at('own', () => valuesAndGradients(given, winograd));
          const direct = at('plain', () => valuesAndGradients(given, conv2dLevels));
          // A float32 direct sum of these lengths is itself off by some 1e-7 to 1e-6; F(4x4) by some
          // 1e-6 of the largest.
          own.forEach((values, i) =>
            assert.ok(
              relativeError(values, direct[i]) < 1e-5,
              `output ${i} is off by ${relativeError(values, direct[i])}`,
            ),
          );
          assert.equal(tf.memory().numTensors, before);
        },
      );
    }

    it('gives the same bits twice', () => {
      const [first, second] = [0, 1].map(() => at('own', () => valuesAndGradients(cases[3], winograd)));
      first.forEach((values, i) => assert.deepEqual(values, second[i]));
    });

    it('is what conv2d takes, whose gradient by the input is left out where nobody asks', () => {
      const called: string[] = [];
      const x = tensor('winograd/conv2d', [2, 16, 16, 32]) as Tensor4D;
      const filter = tensor('winograd/conv2d/filter', [3, 3, 32, 32]) as Tensor4D;
      const backend = tf.backend() as unknown as { executeMultipleOutputs(name: string, ...rest: unknown[]): Tensor[] };
      const execute = backend.executeMultipleOutputs;
      backend.executeMultipleOutputs = function (name, ...rest) {
        called.push(name);
        return execute.call(this, name, ...rest);
      };
      try {
        tf.tidy(() =>
          tf.grad((w: Tensor) => tf.sum(conv2d(x, w as Tensor4D, { padding: 1, inputGradient: false })))(filter),
        );
      } finally {
        backend.executeMultipleOutputs = execute;
      }
      tf.dispose([x, filter]);
      assert.deepEqual(
        called.filter((name) => name.startsWith('FreekdConv')),
        ['FreekdConv', 'FreekdConvFilterGradient'],
      );
    });

    it('names a filter that does not fit', () => {
      tf.tidy(() => {
        assert.throws(
          () => winograd([tf.zeros([1, 4, 4, 2])], tf.zeros([3, 3, 3, 4]), { relu: false }),
          /x\[0\] is \[1, 4, 4, 2\], expected 3 channels/,
        );
      });
    });
  },
);
