/**
 * What must hold whatever the numbers are: inversion, adjoints and gradients, shapes, memory,
 * errors.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { MODES, type WaveletModeName } from '../../lib/dist/wavelet/boundary';
import { filterBank, maxLevel, wavelets } from '../../lib/dist/wavelet/filter-bank';
import { haarAnalysis, haarSynthesis } from '../../lib/dist/wavelet/haar';
import { multilevelAnalysis, multilevelSynthesis } from '../../lib/dist/wavelet/levels';
import { applyLinear, transposed, type LinearMap } from '../../lib/dist/wavelet/linear';
import { matrixAnalysis, matrixSynthesis } from '../../lib/dist/wavelet/matrix';
import { dwt2, idwt2, wavedec2, wavedec2Adjoint, waverec2 } from '../../lib/dist/wavelet/transform';
import { bandsOf, decompositionOf, dot, hashed, largest } from './hashed';

type Size = [number, number];

/** One wavelet of each family, short and long, and both parities of half the filter's length. */
const SOME = ['haar', 'db2', 'db3', 'sym5', 'coif2', 'bior2.2', 'bior3.1', 'rbio1.3', 'rbio6.8', 'dmey'];

/** <map x, y> = <x, adjoint y> for hashed x and y, to `tolerance` of the product of the norms. */
function assertAdjoint(map: LinearMap, inputs: [number, number, number, number][], label: string): void {
  tf.tidy(() => {
    const x = inputs.map((shape, i) => hashed(shape, 30 + i));
    const forward = applyLinear(map, x);
    const y = forward.map((band, i) => hashed(band.shape, 60 + i));
    const backward = applyLinear(transposed(map), y);
    backward.forEach((band, i) => assert.deepEqual(band.shape, x[i].shape, label));
    const scale = Math.sqrt(dot(forward, forward) * dot(y, y)) + Math.sqrt(dot(x, x) * dot(backward, backward)) + 1e-12;
    assert.ok(
      Math.abs(dot(forward, y) - dot(x, backward)) < 1e-6 * scale,
      `${label}: ${dot(forward, y)} against ${dot(x, backward)}`,
    );
  });
}

test('there are PyWavelets\' 106 wavelets', () => {
  assert.equal(wavelets().length, 106);
  assert.deepEqual(
    wavelets().filter((name) => /^(db1|db2|db38|haar|dmey|sym20|coif17|bior6\.8|rbio1\.1)$/.test(name)).length,
    9,
  );
  assert.deepEqual(wavelets().filter((name) => name.startsWith('db')).slice(0, 3), ['db1', 'db2', 'db3']);
  assert.equal(filterBank('DB4').length, 8);
  assert.deepEqual(filterBank('haar'), filterBank('db1'));
});

test('maxLevel is PyWavelets\' useful maximum', () => {
  assert.equal(maxLevel([64, 100], 'haar'), 6);
  assert.equal(maxLevel([64, 64], 'db2'), 4);
  assert.equal(maxLevel([7, 100], 'db4'), 0);
  assert.equal(maxLevel([6, 6], 'db4'), 0);
  assert.equal(maxLevel([1, 1], 'haar'), 0);
});

test('every wavelet reconstructs the picture in every mode', () => {
  for (const wavelet of wavelets()) {
    for (const mode of MODES) {
      tf.tidy(() => {
        const x = hashed([1, 11, 14, 2], 3);
        const decomposition = wavedec2(x, { wavelet, mode, level: 2 });
        const y = waverec2(decomposition, { wavelet, mode, size: [11, 14] });
        const tolerance = (wavelet === 'dmey' ? 1e-2 : 2e-6) * Math.max(1, largest(...bandsOf(decomposition)));
        assert.ok(largest(x.sub(y)) < tolerance, `${wavelet}, ${mode}: ${largest(x.sub(y))}`);
      });
    }
  }
});

test('transform and inverse have exact adjoints in every mode, tiny and odd sizes included', () => {
  for (const wavelet of SOME) {
    for (const mode of MODES) {
      for (const [size, level] of [[[1, 1], 1], [[1, 6], 3], [[5, 2], 2], [[9, 12], 2]] as [Size, number][]) {
        const options = { wavelet, mode };
        const label = `${wavelet}, ${mode}, ${size.join('x')}, level ${level}`;
        const analysis = multilevelAnalysis(options, size, level);
        assertAdjoint(analysis, [[2, ...size, 2]], label);
        const bands = tf.tidy(() => analysis.forward([tf.zeros([2, ...size, 2])]).map((band) => band.shape));
        const sizes = bands.filter((_, i) => i % 3 === 1).map(([, h, w]): Size => [h, w]);
        assertAdjoint(
          multilevelSynthesis(options, [bands[0][1], bands[0][2]], sizes, size),
          bands,
          `inverse of ${label}`,
        );
      }
    }
  }
});

/** tf.grad, whose types know no ranks. */
const gradient = (f: (x: Tensor4D) => tf.Tensor): ((x: Tensor4D) => Tensor4D) =>
  tf.grad(f as (x: tf.Tensor) => tf.Tensor) as (x: tf.Tensor) => Tensor4D;

test('tf.grad gives the adjoint, through one band alone and twice', () => {
  for (const wavelet of ['haar', 'db2']) {
    for (const mode of MODES) {
      tf.tidy(() => {
        const options = { wavelet, mode, level: 2 };
        const x = hashed([1, 5, 6, 2], 1);
        const weights = bandsOf(wavedec2(x, options)).map((band, i) => hashed(band.shape, 9 + i));
        const loss = (y: Tensor4D): Scalar =>
          tf.addN(bandsOf(wavedec2(y, options)).map((band, i) => band.mul(weights[i]).sum<Scalar>()));
        const expected = wavedec2Adjoint(decompositionOf(weights), { wavelet, mode, size: [5, 6] });
        assert.ok(largest(gradient(loss)(x).sub(expected) as Tensor4D) < 1e-5 * largest(expected));

        const single = gradient((y) => wavedec2(y, options).details[1].vertical.mul(weights[5]).sum())(x) as Tensor4D;
        const others = decompositionOf(weights.map((w, i) => (i === 5 ? w : tf.zerosLike(w))));
        assert.ok(largest(single.sub(wavedec2Adjoint(others, { wavelet, mode, size: [5, 6] }))) < 1e-5);

        // The second derivative of the energy |A x|^2 / 2 along v is A^T A v.
        const energy = (y: Tensor4D): Scalar =>
          tf.addN(bandsOf(wavedec2(y, options)).map((band) => band.square().sum().mul<Scalar>(0.5)));
        const v = hashed([1, 5, 6, 2], 2);
        const second = gradient((y) => gradient(energy)(y).mul(v).sum())(x) as Tensor4D;
        const product = wavedec2Adjoint(wavedec2(v, options), { wavelet, mode, size: [5, 6] });
        assert.ok(largest(second.sub(product)) < 1e-5 * largest(product), `${wavelet}, ${mode}`);
      });
    }
  }
});

test('gradients agree with finite differences, forward and inverse', () => {
  for (const [wavelet, mode] of [
    ['haar', 'zero'],
    ['haar', 'antireflect'],
    ['bior2.2', 'symmetric'],
    ['db3', 'smooth'],
  ] as const) {
    tf.tidy(() => {
      const size: Size = [5, 3];
      const f = (y: Tensor4D): Scalar => {
        const bands = bandsOf(wavedec2(y, { wavelet, mode, level: 2 })).map(
          (band, i) => band.add(0.1 * i).square() as Tensor4D,
        );
        return waverec2(decompositionOf(bands), { wavelet, mode, size })
          .mul(hashed([1, ...size, 1], 4))
          .sum();
      };
      const x = hashed([1, ...size, 1], 3);
      const direction = hashed([1, ...size, 1], 8);
      const exact = gradient(f)(x).mul(direction).sum().dataSync()[0];
      const step = 2 ** -7; // f is quadratic: central differences are exact but for rounding
      const at = (t: number): number => f(x.add(direction.mul(t))).dataSync()[0];
      const numeric = (at(step) - at(-step)) / (2 * step);
      const scale = Math.max(Math.abs(exact), Math.abs(at(0)), 1);
      assert.ok(Math.abs(numeric - exact) < 1e-3 * scale, `${wavelet}, ${mode}: ${numeric} against ${exact}`);
    });
  }
});

test('the Haar fast path equals the general one, values and adjoints', () => {
  const bank = filterBank('haar');
  const equal = (a: Tensor4D[], b: Tensor4D[], label: string): void =>
    a.forEach((x, i) => assert.ok(largest(x.sub(b[i])) < 1e-6 * Math.max(1, largest(x)), label));
  for (const mode of MODES) {
    for (const size of [[1, 1], [1, 4], [3, 2], [7, 5], [8, 6]] as Size[]) {
      tf.tidy(() => {
        const label = `${mode}, ${size.join('x')}`;
        const x = hashed([2, ...size, 3], 5);
        const [fast, general] = [haarAnalysis(mode, size), matrixAnalysis(bank, mode, size)];
        const bands = fast.forward([x]);
        equal(bands, general.forward([x]), label);
        const other = bands.map((band, i) => hashed(band.shape, 20 + i));
        equal(fast.adjoint(other), general.adjoint(other), `adjoint, ${label}`);
        const bandSize: Size = [bands[0].shape[1], bands[0].shape[2]];
        const [fastInverse, generalInverse] = [
          haarSynthesis(bandSize, size),
          matrixSynthesis(bank, mode, bandSize, size),
        ];
        equal(fastInverse.forward(other), generalInverse.forward(other), `inverse, ${label}`);
        equal(fastInverse.adjoint([x]), generalInverse.adjoint([x]), `adjoint of the inverse, ${label}`);
      });
    }
  }
});

test('many channels, which take another path through the matrices, equal the same channels one by one', () => {
  for (const [wavelet, mode] of [['db2', 'symmetric'], ['bior3.1', 'smooth']] as const) {
    tf.tidy(() => {
      const options = { wavelet, mode, level: 2 };
      const x = hashed([2, 5, 6, 17], 1);
      const together = wavedec2(x, options);
      const apart = tf.split(x, 17, 3).map((channel) => bandsOf(wavedec2(channel as Tensor4D, options)));
      bandsOf(together).forEach((band, i) => {
        const joined = tf.concat(apart.map((bands) => bands[i]), 3) as Tensor4D;
        assert.ok(largest(band.sub(joined)) < 1e-6 * largest(band), `${wavelet}, band ${i}`);
      });
      assertAdjoint(multilevelAnalysis(options, [5, 6], 2), [[2, 5, 6, 17]], `${wavelet}, 17 channels`);
      assert.ok(largest(waverec2(together, { ...options, size: [5, 6] }).sub(x)) < 1e-5);
    });
  }
});

test('one level, level 0, levels past the maximum, and reflection of a single number', () => {
  tf.tidy(() => {
    const options = { wavelet: 'db2', mode: 'symmetric' } as const;
    const x = hashed([2, 7, 6, 3], 1);
    const bands = dwt2(x, options);
    assert.deepEqual(bands.diagonal.shape, [2, 5, 4, 3]);
    assert.deepEqual(idwt2(bands, options).shape, [2, 8, 6, 3]);
    assert.ok(largest(idwt2(bands, { ...options, size: [7, 6] }).sub(x)) < 1e-5);

    const none = wavedec2(x, { ...options, level: 0 });
    assert.deepEqual(none.details, []);
    assert.equal(largest(waverec2(none, options).sub(x)), 0);
    assert.deepEqual(waverec2(none, { ...options, size: [4, 5] }).shape, [2, 4, 5, 3]);

    const deep = wavedec2(x, { ...options, level: 12 });
    assert.deepEqual(deep.details.map(({ level }) => level), [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert.deepEqual(deep.approximation.shape, [2, 3, 3, 3]);

    const single = hashed([1, 1, 1, 1], 1);
    for (const wavelet of ['haar', 'db2']) {
      const constant = dwt2(single, { wavelet, mode: 'constant' }).approximation;
      for (const mode of ['reflect', 'antireflect', 'smooth'] as const) {
        assert.equal(largest(dwt2(single, { wavelet, mode }).approximation.sub(constant)), 0);
      }
    }
  });
});

test('no tensor is left behind', () => {
  const x = hashed([1, 9, 7, 2], 1);
  const before = tf.memory().numTensors;
  for (const [wavelet, mode] of [
    ['haar', 'zero'],
    ['haar', 'smooth'],
    ['db3', 'reflect'],
    ['db3', 'smooth'],
  ] as const) {
    const decomposition = wavedec2(x, { wavelet, mode, level: 3 });
    assert.equal(tf.memory().numTensors, before + 10);
    const y = waverec2(decomposition, { wavelet, mode, size: [9, 7] });
    assert.equal(tf.memory().numTensors, before + 11);
    const { value, grad } = tf.valueAndGrad(
      (z: Tensor4D) => wavedec2(z, { wavelet, mode, level: 2 }).approximation.abs().sum() as Scalar,
    )(x);
    tf.dispose([value, grad, y, bandsOf(decomposition)]);
    assert.equal(tf.memory().numTensors, before);
  }
  x.dispose();
});

test('more levels than are useful are allowed, as in PyWavelets', () => {
  const { approximation, details } = wavedec2(hashed([1, 4, 4, 3], 1), { wavelet: 'haar', mode: 'zero', level: 64 });
  assert.deepEqual(approximation.shape, [1, 1, 1, 3]);
  assert.equal(details.length, 64);
});

test("PyWavelets' short names of the modes mean the long ones, in every transform", () => {
  const x = hashed([1, 7, 5, 2], 1);
  const short = [
    ['zpd', 'zero'],
    ['cpd', 'constant'],
    ['sym', 'symmetric'],
    ['ppd', 'periodic'],
    ['sp1', 'smooth'],
    ['per', 'periodization'],
  ] as const;
  for (const [name, mode] of short)
    for (const wavelet of ['haar', 'db3']) {
      const numbers = (mode: WaveletModeName): number[][] => {
        const options = { wavelet, mode };
        const bands = dwt2(x, options);
        const decomposition = wavedec2(x, { ...options, level: 2 });
        return [
          ...bandsOf(decomposition),
          idwt2(bands, options),
          waverec2(decomposition, options),
          wavedec2Adjoint(decomposition, { ...options, size: [7, 5] }),
        ].map((band) => [...band.dataSync()]);
      };
      assert.deepEqual(numbers(name), numbers(mode), `${wavelet} ${name}`);
    }
  for (const mode of ['asym', 'PER', 'toString', '__proto__'])
    assert.throws(() => dwt2(x, { wavelet: 'haar', mode: mode as 'zero' }), /Unknown wavelet mode .* or for short zpd/);
});

test('wrong input is named', () => {
  const x = hashed([1, 8, 8, 2], 1);
  const good = { wavelet: 'db2', mode: 'zero', level: 2 } as const;
  assert.throws(
    () => wavedec2(x, { ...good, wavelet: 'db39' }),
    /Unknown wavelet "db39".*db3.*wavelets\(\) lists all 106/,
  );
  assert.throws(() => wavedec2(x, { ...good, wavelet: 'bior2.3' }), /bior2\.2/);
  assert.throws(() => wavedec2(x, { ...good, mode: 'mirror' as 'zero' }), /Unknown wavelet mode "mirror".*symmetric/);
  for (const level of [-1, 1.5, NaN, 65, 1e9, Infinity])
    assert.throws(() => wavedec2(x, { ...good, level }), /integer from 0 to 64, not/);
  assert.throws(
    () => wavedec2(x.reshape([8, 8, 2]) as unknown as Tensor4D, good),
    /x must be a float32 tensor.*\[8,8,2\]/,
  );
  assert.throws(() => wavedec2(x.toInt(), good), /not int32/);
  assert.throws(() => wavedec2(tf.zeros([1, 0, 4, 2]), good), /no rows or no columns/);

  const { approximation, details } = wavedec2(x, good);
  const { approximation: finer } = dwt2(x, good);
  assert.throws(
    () => waverec2({ approximation, details: [...details].reverse() }, good),
    /details of level 1 are 5 x 5, but the approximation there is 4 x 4/,
  );
  assert.throws(
    () => waverec2({ approximation, details: [{ ...details[0], vertical: finer }, details[1]] }, good),
    /vertical has shape/,
  );
  assert.throws(() => waverec2({ approximation: hashed([2, 4, 4, 2], 1), details }, good), /images and channels/);
  assert.throws(
    () => waverec2({ approximation, details }, { ...good, size: [9, 8] }),
    /Cannot crop to size 9 x 8: the inverse transform gives 8 x 8/,
  );
  assert.throws(
    () => wavedec2Adjoint({ approximation, details }, { ...good, size: [12, 8] }),
    /level 1 of a picture of 12 x 8/,
  );
  const tiny = hashed([1, 1, 1, 1], 1);
  assert.throws(
    () =>
      idwt2(
        { approximation: tiny, horizontal: tiny, vertical: tiny, diagonal: tiny },
        { wavelet: 'db4', mode: 'zero' },
      ),
    /too small/,
  );
});
