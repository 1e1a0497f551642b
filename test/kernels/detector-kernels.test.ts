/**
 * RoIAlign and deformable convolution against torchvision.ops in float64, values and all gradients,
 * by our kernels and by TensorFlow's alone.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { deformConv2d, type DeformConv2dOptions } from '../../lib/dist/kernels/deform-conv';
import { ownKernels, setKernelLevel, type KernelLevel } from '../../lib/dist/core/native';
import { roiAlign } from '../../lib/dist/kernels/roi-align';
import { tf, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '../../lib/dist/tf';
import { numbers } from '../detection/golden';

interface RoiCase {
  images: number;
  channels: number;
  sizes: [number, number][];
  scales: number[];
  size: [number, number];
  samples?: number;
  aligned?: boolean;
  /** [R, 5] */
  rois: number[];
  level: number[];
  y: number[];
  gradients: number[][];
}
interface DeformCase {
  n: number;
  size: [number, number];
  inputs: number;
  outputs: number;
  kernel: [number, number];
  out: [number, number];
  options: Required<DeformConv2dOptions>;
  offset: number[];
  y: number[];
  gradients: number[][];
}
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/roi_and_deform.json'), 'utf8')) as {
  roiAlign: RoiCase[];
  deformConv2d: DeformCase[];
};
const hashed = (key: string, shape: number[]): Tensor =>
  tf.tensor(numbers(key, shape.reduce((product, n) => product * n, 1)), shape);

function assertClose(actual: Tensor, expected: number[], what: string): void {
  const values = actual.dataSync();
  assert.equal(values.length, expected.length, `${what}: size`);
  const scale = Math.max(1, ...expected.map(Math.abs));
  values.forEach((value: number, i: number) =>
    assert.ok(Math.abs(value - expected[i]) < 1e-5 * scale, `${what}[${i}] is ${value}, expected ${expected[i]}`),
  );
}

/** The value of `f` and the gradients of sum(f r) against golden ones; nothing stays behind. */
function check(f: (inputs: Tensor[]) => Tensor, inputs: Tensor[], r: Tensor, golden: RoiCase | DeformCase): void {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    assertClose(f(inputs), golden.y, 'y');
    const gradients = tf.grads((...leaves: Tensor[]) => tf.sum(tf.mul(f(leaves), r)))(inputs);
    gradients.forEach((gradient, i) => assertClose(gradient, golden.gradients[i], `gradient ${i}`));
  });
  assert.equal(tf.memory().numTensors, before);
}

const levels: KernelLevel[] = ownKernels() ? ['stock', 'plain', 'own'] : ['stock', 'plain'];
for (const level of levels)
  describe(`detectors' kernels at level ${level}`, () => {
    const at = (compute: () => void): void => {
      setKernelLevel(level);
      try {
        tf.tidy(compute);
      } finally {
        setKernelLevel(undefined);
      }
    };

    golden.roiAlign.forEach((c, i) =>
      it(`roiAlign ${i}: ${c.level.length} RoIs on ${c.sizes.map((size) => size.join(' x ')).join(', ')}`, () => at(() => {
        const { images, channels, sizes, scales, size, samples, aligned } = c;
        const maps = sizes.map(([h, w], l) => hashed(`roi${i}/x${l}`, [images, h, w, channels]));
        const rois = tf.tensor2d(c.rois, [c.level.length, 5]);
        const of = tf.tensor1d(c.level, 'int32');
        const options = { level: of, scales, size, samples, aligned };
        const align = (x: Tensor[]): Tensor => roiAlign(x as Tensor4D[], rois, options);
        check(align, maps, hashed(`roi${i}/r`, [c.level.length, ...size, channels]), c);
      })),
    );

    golden.deformConv2d.forEach((c, i) =>
      it(`deformConv2d: ${c.kernel.join(' x ')}, ${JSON.stringify(c.options)}`, () => at(() => {
        const { n, size, inputs, outputs, kernel, out, options } = c;
        const leaves = [
          hashed(`deform${i}/x`, [n, ...size, inputs]),
          tf.tensor(c.offset, [n, ...out, 2 * options.deformableGroups * kernel[0] * kernel[1]]),
          hashed(`deform${i}/filter`, [...kernel, inputs / options.groups, outputs]),
        ];
        const convolve = ([x, offset, filter]: Tensor[]): Tensor =>
          deformConv2d(x as Tensor4D, offset as Tensor4D, filter as Tensor4D, options);
        check(convolve, leaves, hashed(`deform${i}/r`, [n, ...out, outputs]), c);
      })),
    );

    it('deformConv2d without offsets is the plain convolution', () => at(() => {
      const [x, filter] = [hashed('plain/x', [2, 6, 5, 4]), hashed('plain/filter', [3, 3, 4, 3])] as Tensor4D[];
      const y = deformConv2d(x, tf.zeros([2, 3, 3, 18]), filter, { stride: 2, padding: 1 });
      const plain = tf.conv2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), filter, 2, 'valid');
      assertClose(y, Array.from(plain.dataSync()), 'y');
    }));

    it('no RoI and no image give empty results, and gradients of zeros', () => at(() => {
      const map = tf.ones([2, 4, 4, 3]) as Tensor4D;
      const none = { level: tf.tensor1d([], 'int32') as Tensor1D, scales: [1] };
      const rois = tf.zeros([0, 5]) as Tensor2D;
      assert.deepEqual(roiAlign([map], rois, none).shape, [0, 7, 7, 3]);
      const gradient = tf.grad((x: Tensor) => roiAlign([x as Tensor4D], rois, none).sum())(map);
      assert.deepEqual([gradient.shape, gradient.abs().max().dataSync()[0]], [[2, 4, 4, 3], 0]);
      const filter = tf.ones([3, 3, 4, 5]) as Tensor4D;
      const empty = [tf.zeros([0, 6, 6, 4]), tf.zeros([0, 4, 4, 18])] as Tensor4D[];
      assert.deepEqual(deformConv2d(empty[0], empty[1], filter).shape, [0, 4, 4, 5]);
      const byFilter = tf.grad((w: Tensor) => deformConv2d(empty[0], empty[1], w as Tensor4D).sum())(filter);
      assert.deepEqual([byFilter.shape, byFilter.abs().max().dataSync()[0]], [[3, 3, 4, 5], 0]);
    }));

    it('NaN passes through both, and reaches no other pixel', () => at(() => {
      const map = tf.tensor4d([1, 2, 3, NaN], [1, 2, 2, 1]);
      const rois = tf.tensor2d([0, 0, 0, 1, 1, 0, 1, 1, 2, 2], [2, 5]);
      const level = tf.tensor1d([0, 0], 'int32');
      const aligned = roiAlign([map], rois, { level, scales: [1], size: [1, 1] }).dataSync();
      assert.deepEqual(Array.from(aligned), [1, NaN]);
      const one = tf.ones([1, 1, 1, 1]) as Tensor4D;
      const read = (pixels: number[], offsets: number[]): number[] =>
        Array.from(deformConv2d(tf.tensor4d(pixels, [1, 2, 2, 1]), tf.tensor4d(offsets, [1, 2, 2, 2]), one).dataSync());
      assert.deepEqual(read([1, 2, 3, 4], [0, 0, 0, 0, NaN, 0, 0, NaN]), [1, 2, NaN, NaN]);
      assert.deepEqual(read([NaN, 2, 3, 4], [0, 0, 0, 0.5, 0.5, 0, 0.5, 0.5]), [NaN, 1, 1.5, 1]);
    }));

    it('wrong inputs are named', () => at(() => {
      const map = tf.ones([1, 4, 4, 3]) as Tensor4D;
      const align = (rois: number[][], level: number[], scales = [1]): Tensor =>
        roiAlign([map], tf.tensor2d(rois), { level: tf.tensor1d(level, 'int32'), scales });
      assert.throws(() => align([[0, 0, 0, 1, 1]], [0], [1, 2]), /2 scales for 1 levels/);
      assert.throws(() => align([[0, 0, 0, 1, 1]], [0, 0]), /expected \[R, 5\] and \[R\]/);
      assert.throws(() => align([[0, 0, 0, 1]], [0]), /expected \[R, 5\] and \[R\]/);
      assert.throws(() => align([[0, 0, 0, 1, 1]], [1]), /level\[0\] is 1, there are 1/);
      assert.throws(() => align([[1, 0, 0, 1, 1]], [0]), /rois\[0\] is of image 1/);
      for (const aligned of [true, false])
        for (const side of [NaN, Infinity, 1e30]) {
          const options = { level: tf.tensor1d([0], 'int32'), scales: [1], aligned };
          assert.throws(() => roiAlign([map], tf.tensor2d([[0, 0, 0, 1, side]]), options), /rois has a side from 0/);
        }
      for (const samples of [-1, 0.5, NaN, 2 ** 15]) {
        const options = { level: tf.tensor1d([0], 'int32'), scales: [1], samples };
        assert.throws(() => roiAlign([map], tf.tensor2d([[0, 0, 0, 1, 1]]), options), /samples, expected a whole number/);
      }
      const [x, offset, filter] = [map, tf.zeros([1, 2, 2, 18]), tf.ones([3, 3, 3, 2])] as Tensor4D[];
      assert.throws(() => deformConv2d(x, offset, filter, { padding: 1 }), /offset is \[1,2,2,18\], expected \[1,4,4,18\]/);
      assert.throws(() => deformConv2d(x, offset, filter, { groups: 3 }), /do not fit each other in their channels/);
      assert.throws(() => deformConv2d(x, offset, filter, { deformableGroups: 2 }), /do not fit each other/);
    }));
  });
