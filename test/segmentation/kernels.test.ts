/** Resize, pooling to a size and dilated convolution against PyTorch in float64, values and all gradients. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownKernels, setKernelLevel, type KernelLevel } from '../../lib/dist/core/native';
import { conv2d } from '../../lib/dist/kernels/conv';
import { averagePoolTo, interpolate } from '../../lib/dist/kernels/resize';
import { tf, type Tensor, type Tensor4D } from '../../lib/dist/tf';
import { near } from '../detection/golden';
import { golden, hashed, type KernelCase } from './golden';

/** Values of `f` and gradients of sum(f r) against those of a case; nothing stays behind. */
function check(c: KernelCase, f: (leaves: Tensor4D[]) => Tensor4D, filter?: number[]): void {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const leaves = [hashed(`${c.name}/x`, c.shape), ...(filter ? [hashed(`${c.name}/filter`, filter)] : [])];
    const y = f(leaves);
    near(y.dataSync().slice(0, c.y.length), c.y, 2e-5, `${c.name}: y`);
    const r = hashed(`${c.name}/r`, y.shape);
    const product = (...all: Tensor[]): Tensor => tf.sum(tf.mul(f(all as Tensor4D[]), r));
    const gradients = tf.grads(product)(leaves);
    gradients.forEach((gradient, i) => {
      const expected = c.gradients[i];
      near(gradient.dataSync().slice(0, expected.length), expected, 2e-5, `${c.name}: gradient ${i}`);
    });
  });
  assert.equal(tf.memory().numTensors, before);
}

const levels: KernelLevel[] = ownKernels() ? ['stock', 'plain', 'onednn', 'own'] : ['stock', 'plain', 'onednn'];
for (const level of levels)
  describe(`kernels of segmentation at level ${level}`, () => {
    const at = (compute: () => void): void => {
      setKernelLevel(level);
      try {
        compute();
      } finally {
        setKernelLevel(undefined);
      }
    };
    for (const c of golden.kernels.conv)
      it(`3x3 convolution, dilation ${c.dilation} on [${c.shape}]`, () =>
        at(() =>
          check(
            c,
            ([x, filter]) => conv2d(x, filter, { dilation: c.dilation, padding: c.dilation }),
            c.filter,
          ),
        ));
    it('a bias is added, and a window of one pixel knows no dilation', () =>
      at(() =>
        tf.tidy(() => {
          const [x, bias] = [hashed('bias/x', [1, 6, 5, 3]), hashed<tf.Tensor1D>('bias/b', [4])];
          for (const k of [1, 3]) {
            const filter = hashed(`bias/${k}`, [k, k, 3, 4]);
            const options = { dilation: 2, padding: k - 1 };
            const difference = conv2d(x, filter, { ...options, bias }).sub(conv2d(x, filter, options)).sub(bias);
            assert.ok(difference.abs().max().dataSync()[0] < 1e-5);
          }
          const same = conv2d(x, hashed('bias/1', [1, 1, 3, 4])).sub(
            conv2d(x, hashed('bias/1', [1, 1, 3, 4]), { dilation: 7 }),
          );
          assert.equal(same.abs().max().dataSync()[0], 0);
        }),
      ));
  });

for (const c of golden.kernels.resize)
  it(`bilinear resize of ${c.shape[1]} x ${c.shape[2]} to ${c.size.join(' x ')}, alignCorners ${c.alignCorners}`, () =>
    check(c, ([x]) => interpolate(x, c.size, c)));

for (const c of golden.kernels.pool)
  it(`means over ${c.parts} x ${c.parts} windows of 7 x 8`, () =>
    check(c, ([x]) => averagePoolTo(x, [c.parts, c.parts])));

it('a dilation with a stride, groups or another padding is refused', () => {
  const [x, filter] = [tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 4, 4])] as Tensor4D[];
  for (const options of [{ stride: 2, padding: 2 }, { padding: 1 }])
    assert.throws(() => conv2d(x, filter, { dilation: 2, ...options }), /dilation 2 is for one group, stride 1/);
  const grouped = tf.ones([3, 3, 1, 4]) as Tensor4D;
  assert.throws(() => conv2d(x, grouped, { dilation: 2, padding: 2, groups: 4 }), /not 4 groups/);
  tf.dispose([x, filter, grouped]);
});
