/**
 * The kernels of lib/native against the same functions without them: values and gradients of
 * transforms and of the frequency losses.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  boundaryModes,
  frequencyLoss,
  releasedFreeKDLoss,
  tf,
  wavedec2,
  waverec2,
  wavelets,
  type FrequencyLossInput,
  type WaveletMode,
} from 'freekd';
import { ownKernels, setKernelLevel } from '../../lib/dist/core/native';
import { numbers } from '../detection/golden';

type Tensor4D = tf.Tensor4D;
const tensor = (key: string, shape: number[], low = -1, high = 1): tf.Tensor =>
  tf.tensor(
    numbers(
      key,
      shape.reduce((a, b) => a * b),
      low,
      high,
    ),
    shape,
  );

/** `compute` with our own kernels, and without. */
function both(compute: () => tf.Tensor[]): [Float32Array[], Float32Array[]] {
  const run = (level: 'own' | 'onednn'): Float32Array[] => {
    setKernelLevel(level);
    try {
      return tf.tidy(() => compute().map((y) => y.dataSync() as Float32Array));
    } finally {
      setKernelLevel(undefined);
    }
  };
  return [run('own'), run('onednn')];
}

/** Equal up to `tolerance` of the largest number, and of 0.1 at least: the inputs are of order 1. */
function assertClose([own, other]: [Float32Array[], Float32Array[]], what: string, tolerance: number): void {
  assert.equal(own.length, other.length);
  own.forEach((values, i) => {
    assert.equal(values.length, other[i].length, what);
    const scale = other[i].reduce((most, value) => Math.max(most, Math.abs(value)), 0.1);
    const worst = values.reduce((most, value, k) => Math.max(most, Math.abs(value - other[i][k])), 0);
    assert.ok(worst <= tolerance * scale, `${what}, output ${i}: off by ${worst} where the largest is ${scale}`);
  });
}

/** Coefficients and inverse, and the gradient of both. */
function transforms(x: Tensor4D, along: Tensor4D, wavelet: string, mode: WaveletMode, level: number): tf.Tensor[] {
  const outputs = (map: tf.Tensor): tf.Tensor[] => {
    const decomposition = wavedec2(map as Tensor4D, { wavelet, mode, level });
    const inverse = waverec2(decomposition, { wavelet, mode, size: [x.shape[1], x.shape[2]] });
    return [
      inverse,
      decomposition.approximation,
      ...decomposition.details.flatMap(({ horizontal, vertical, diagonal }) => [horizontal, vertical, diagonal]),
    ];
  };
  const weighted = (map: tf.Tensor): tf.Tensor => {
    const [inverse, ...bands] = outputs(map);
    return bands.reduce((sum, y) => sum.add(y.square().sum()), inverse.mul(along).sum());
  };
  return [...outputs(x), tf.grad(weighted)(x)];
}

// Where set-up could not compile the kernels there is nothing to compare; the environment of our CI
// can.
describe(
  'kernels of our own',
  { skip: ownKernels() ? false : 'they are not compiled here: see .runtime/logs/kernels.log' },
  () => {
    it('transform as the matrices do: every wavelet, every mode, an odd size', () => {
      const [x, along] = ['own/x', 'own/along'].map((key) => tensor(key, [2, 9, 6, 3]) as Tensor4D);
      for (const [i, wavelet] of wavelets().entries()) {
        // Each wavelet in three modes, every mode with every third wavelet; the extrapolating modes
        // magnify roundings.
        for (const mode of boundaryModes.filter((_, m) => m % 3 === i % 3)) {
          const extrapolates = mode === 'smooth' || mode === 'antireflect';
          assertClose(
            both(() => transforms(x, along, wavelet, mode, extrapolates ? 1 : 2)),
            `${wavelet}, ${mode}`,
            extrapolates ? 1e-4 : 1e-5,
          );
        }
      }
      tf.dispose([x, along]);
    });

    it('transform maps of one pixel, one row, and many channels', () => {
      for (const shape of [
        [1, 1, 1, 5],
        [2, 1, 7, 2],
        [1, 16, 12, 130],
      ])
        for (const wavelet of ['haar', 'db4']) {
          const [x, along] = ['own/x', 'own/along'].map((key) => tensor(key, shape) as Tensor4D);
          assertClose(
            both(() => transforms(x, along, wavelet, 'symmetric', 3)),
            `${wavelet} of [${shape}]`,
            1e-5,
          );
          tf.dispose([x, along]);
        }
    });

    const losses: Partial<FrequencyLossInput>[] = [
      {},
      { reduction: 'band-mean' },
      { reduction: 'sum', bands: 'high' },
      { level: 1, clamp: false },
      { level: 0 },
      { wavelet: 'db3', mode: 'reflect', level: 2, clamp: false },
      { wavelet: 'bior2.2', mode: 'smooth', level: 2, clamp: false },
    ];
    for (const options of losses)
      it(`frequency loss, gradients by student and omega: ${JSON.stringify(options)}`, () => {
        const shape = [2, 12, 10, 70]; // more channels than a task takes
        const [teacher, student] = ['own/teacher', 'own/student'].map((key) => tensor(key, shape) as Tensor4D);
        const weights = tensor('own/omega', [2, 70], 0.5, 1.5) as tf.Tensor2D;
        const masks: FrequencyLossInput['masks'] = ({ wavelet, mode, level }) => {
          const { approximation, details } = wavedec2(teacher, { wavelet, mode, level });
          return [approximation, ...details.flatMap((d) => [d.horizontal, d.vertical, d.diagonal])].map((band) =>
            band.slice([0, 0, 0, 0], [-1, -1, -1, 3]).sigmoid(),
          );
        };
        for (const given of [{}, { weights }, { masks }, { weights, masks }])
          assertClose(
            both(() => {
              const loss = (s: tf.Tensor, omega?: tf.Tensor): tf.Scalar =>
                frequencyLoss({
                  teacher,
                  student: s as Tensor4D,
                  ...options,
                  ...given,
                  ...(omega && { weights: omega as tf.Tensor2D }),
                });
              const { value, grads } =
                'weights' in given ? tf.valueAndGrads(loss)([student, weights]) : tf.valueAndGrads(loss)([student]);
              return [value, ...grads];
            }),
            `${JSON.stringify(options)} with ${Object.keys(given)}`,
            1e-5,
          );
        tf.dispose([teacher, student, weights]);
      });

    it('the released loss; and no tensor stays behind', () => {
      const [teacher, student] = ['own/teacher', 'own/student'].map(
        (key) => [tensor(key, [2, 16, 16, 8]), tensor(key, [2, 4, 3, 8])] as Tensor4D[],
      );
      const tokens = [0, 1].map((i) => tensor(`own/tokens.${i}`, [4, 6, 8]) as tf.Tensor3D);
      const before = tf.memory().numTensors;
      assertClose(
        both(() => {
          const { value, grads } = tf.valueAndGrads((...s: tf.Tensor[]) =>
            releasedFreeKDLoss({ student: s as Tensor4D[], teacher, tokens }),
          )(student);
          return [value, ...grads];
        }),
        'released',
        1e-5,
      );
      assert.equal(tf.memory().numTensors, before);
      tf.dispose([teacher, student, tokens]);
    });
  },
);
