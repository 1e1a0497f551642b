/**
 * The algebra that makes the loss fast, shown equal to the literal form in stock tfjs ops: T masks
 * on an axis of their own, both features transformed, autograd in place of the custom gradient. And
 * numeric gradients.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tf, type Scalar, type Tensor, type Tensor2D, type Tensor4D } from '../../lib/dist/tf';
import { type WaveletMode } from '../../lib/dist/wavelet/boundary';
import { wavedec2, waverec2 } from '../../lib/dist/wavelet/transform';
import { bandsOf, decompositionOf } from '../../lib/dist/freekd/bands';
import { promptDissimilarity } from '../../lib/dist/freekd/dissimilarity';
import { frequencyLoss } from '../../lib/dist/freekd/loss';
import { FrequencyPrompt } from '../../lib/dist/freekd/prompt';
import { releasedFreeKDLoss } from '../../lib/dist/freekd/released';
import { interpolate } from '../../lib/dist/kernels/resize';
import { feature, hashedTensor } from './inputs';

/** Asserts that two tensors agree within 1e-5 of the larger one's largest magnitude. */
function same(actual: Tensor, expected: Tensor, what: string): void {
  assert.deepEqual(actual.shape, expected.shape, what);
  const [error, scale] = tf.tidy(() => [
    actual.sub(expected).abs().max().dataSync()[0],
    expected.abs().max().dataSync()[0],
  ]);
  assert.ok(error <= 1e-5 * scale + 1e-9, `${what}: off by ${error}, scale ${scale}`);
}

/** Asserts that the gradient of `f` at `x` along a random direction is the central difference. */
function numericGradient(f: (x: Tensor) => Scalar, x: Tensor, step: number, tolerance: number): void {
  const direction = hashedTensor(x.shape, 31);
  const along = tf.grad(f)(x).mul(direction).sum().dataSync()[0];
  const at = (sign: number): number => f(x.add(direction.mul(sign * step))).dataSync()[0];
  const numeric = (at(1) - at(-1)) / (2 * step);
  assert.ok(
    Math.abs(along - numeric) <= tolerance * Math.max(Math.abs(numeric), 1e-3),
    `gradient ${along}, numeric ${numeric}`,
  );
}

/**
 * The literal sum_b mean or sum over [N, T, H, W, C] of omega |m a - m c|, divided by `count` of
 * all coefficients.
 */
function expandedLoss(
  teacher: Tensor4D,
  student: Tensor,
  masks: Tensor4D[],
  weights: Tensor,
  transform: { wavelet: string; mode: WaveletMode; level: number },
): Scalar {
  const [a, c] = [bandsOf(wavedec2(teacher, transform)), bandsOf(wavedec2(student as Tensor4D, transform))];
  const count = a.reduce((sum, band) => sum + band.size, 0);
  const terms = masks.map((mask, b) => {
    const m = mask.transpose([0, 3, 1, 2]).expandDims(4); // [N, T, H, W, 1]
    const difference = m
      .mul(a[b].expandDims(1))
      .sub(m.mul(c[b].expandDims(1)))
      .abs(); // [N, T, H, W, C]
    return difference.mul(weights.reshape([weights.shape[0], 1, 1, 1, -1])).sum() as Scalar;
  });
  return tf.addN(terms).div(count);
}

for (const [wavelet, mode, size, tokens] of [
  ['haar', 'zero', [9, 14], 2],
  ['haar', 'zero', [16, 16], 6],
  ['db2', 'reflect', [11, 8], 3],
  ['sym4', 'periodization', [12, 9], 2],
] as const) {
  test(`the collapsed loss equals the expanded one: ${wavelet} ${mode} ${size.join(' x ')} T=${tokens}`, () => {
    const transform = { wavelet, mode, level: 2 };
    const [teacher, student] = [feature(2, [...size], 5, 11), feature(2, [...size], 5, 12)];
    const prompt = new FrequencyPrompt({ channels: 5, tokens, ...transform });
    (prompt.tokens as tf.Variable).assign(hashedTensor(prompt.tokens.shape, 13));
    const masks = prompt.masks(wavedec2(teacher, transform));
    const weights = hashedTensor([2, 5], 14, 0.5).add(1);
    const collapsed = tf.valueAndGrads((s: Tensor, w: Tensor) =>
      frequencyLoss({ teacher, student: s as Tensor4D, masks, weights: w as Tensor2D, ...transform }),
    );
    const expanded = tf.valueAndGrads((s: Tensor, w: Tensor) => expandedLoss(teacher, s, masks, w, transform));
    const [actual, expected] = [collapsed([student, weights]), expanded([student, weights])];
    same(actual.value, expected.value, 'loss');
    same(actual.grads[0], expected.grads[0], 'gradient to the student');
    same(actual.grads[1], expected.grads[1], 'gradient to the weights');
  });
}

test('the prompted feature equals the sum over T of masked bands, value and gradient', () => {
  const x = feature(2, [9, 14], 4, 21);
  const prompt = new FrequencyPrompt({ channels: 4, tokens: 3, level: 2 });
  const tokens = prompt.tokens as tf.Variable;
  tokens.assign(hashedTensor(tokens.shape, 22));
  const transform = { wavelet: 'haar', mode: 'zero', level: 2 } as const;
  const expanded = (): Tensor4D => {
    const decomposition = wavedec2(x, transform);
    const masks = prompt.masks(decomposition);
    const bands = bandsOf(decomposition).map(
      (band, b) => masks[b].expandDims(3).mul(band.expandDims(4)).sum(4) as Tensor4D,
    );
    return waverec2(decompositionOf(bands), { ...transform, size: [9, 14] });
  };
  same(prompt.apply(x).feature, expanded(), 'feature');
  const along = feature(2, [9, 14], 4, 23);
  const gradient = (f: () => Tensor4D): Tensor =>
    Object.values(tf.variableGrads(() => f().mul(along).sum(), [tokens]).grads)[0];
  same(gradient(() => prompt.apply(x).feature), gradient(expanded), 'gradient to the tokens');
});

test('the released loss equals the mean over (N, T, C, 3, H, W)', () => {
  const [teacher, student] = [feature(2, [9, 14], 4, 41), feature(2, [9, 14], 4, 42)];
  const tokens = hashedTensor<tf.Tensor3D>([4, 6, 4], 43);
  const transform = { wavelet: 'haar', mode: 'zero', level: 3 } as const;
  const expanded = (s: Tensor): Scalar => {
    const [t, c] = [wavedec2(teacher, transform), wavedec2(s as Tensor4D, transform)];
    const levels = t.details.map(({ level, horizontal, vertical, diagonal }, i) => {
      const token = tf.unstack(tokens)[level].transpose(); // [C, T]
      const m = horizontal
        .add(vertical)
        .add(diagonal)
        .reshape([-1, 4])
        .matMul(token as Tensor2D)
        .sigmoid()
        .reshape([...horizontal.shape.slice(0, 3), 1, 1, 6]);
      // [N, H, W, C, 3, 1]
      const three = (d: (typeof t.details)[number]): Tensor =>
        tf.stack([d.horizontal, d.vertical, d.diagonal], 4).expandDims(5);
      return m.mul(three(c.details[i])).sub(m.mul(three(t.details[i]))).abs().mean() as Scalar;
    });
    return tf.addN(levels);
  };
  const collapsed = (s: Tensor): Scalar =>
    releasedFreeKDLoss({ student: [s as Tensor4D], teacher: [teacher], tokens: [tokens] });
  same(collapsed(student), expanded(student), 'loss');
  same(tf.grad(collapsed)(student), tf.grad(expanded)(student), 'gradient');
});

test('numeric gradients: masked loss, dissimilarity, prompt, resize', () => {
  const [teacher, student] = [feature(1, [6, 7], 3, 51), feature(1, [6, 7], 3, 52)];
  const prompt = new FrequencyPrompt({ channels: 3, tokens: 2, level: 1 });
  (prompt.tokens as tf.Variable).assign(hashedTensor(prompt.tokens.shape, 53));
  const { masks } = prompt.apply(teacher);
  numericGradient(
    (s) => frequencyLoss({ teacher, student: s as Tensor4D, masks, reduction: 'sum' }),
    student,
    1e-4,
    0.02,
  );
  numericGradient((x) => prompt.apply(x as Tensor4D).feature.square().sum(), teacher, 1e-2, 0.01);
  numericGradient((m) => promptDissimilarity([m as Tensor4D]), masks[1], 1e-2, 0.01);
  numericGradient(
    (m) => promptDissimilarity([m as Tensor4D], { similarity: 'dice', pairs: 'distinct' }),
    masks[1],
    1e-2,
    0.01,
  );
  numericGradient((x) => interpolate(x as Tensor4D, [13, 9]).square().sum(), teacher, 1e-2, 0.01);
  numericGradient((x) => interpolate(x as Tensor4D, [4, 3]).square().sum(), teacher, 1e-2, 0.01);
});

