/**
 * `reproduce --spending`: on which objects and bands losses are spent, of maps whose answer is
 * known, and the command.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pullMap } from '../../lib/dist/distill/pull';
import { regionsOf, spendingLosses, spentBy } from '../../lib/dist/experiments/spending';
import { featureMSE } from '../../lib/dist/freekd/feature-mse';
import { freekdLoss } from '../../lib/dist/freekd/freekd';
import { readSpending, regions, spentOn, type ByRegion } from '../../lib/dist/runs/spending';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { spendingSentence } from '../../lib/dist/view/spending';
import { temporary } from '../distill/tiny';
import { reproduce } from './command';

const objects = (...boxes: number[]) => ({ boxes: Float32Array.from(boxes), labels: new Int32Array(boxes.length / 4) });
const near = (own: number, expected: number): void =>
  assert.ok(Math.abs(own - expected) < 1e-5, `${own}, not ${expected}`);
const sum = (each: ByRegion): number => regions.reduce((total, region) => total + each[region], 0);

test('a pixel is of the smallest box on it, by the sizes of COCO', () => {
  tf.tidy(() => {
    const images = tf.zeros([2, 128, 128, 3]) as Tensor4D;
    // 120 x 120 with one of 40 x 40 and one of 16 x 16 in it, which reaches into the second; a
    // picture without any
    const pixels = regionsOf({ images, targets: [objects(48, 48, 64, 64, 0, 0, 120, 120, 20, 20, 60, 60), objects()] });
    assert.deepEqual(pixels.sum([1, 2]).arraySync(), [
      [256, 1600 - 144, 14400 - 1600 - 256 + 144, 128 * 128 - 14400],
      [0, 0, 0, 128 * 128],
    ]);
  });
});

test('a difference inside a box is spent there, by any loss and in every band; an even one as the area', () => {
  const images = tf.zeros([1, 128, 128, 3]) as Tensor4D;
  const pixels = regionsOf({ images, targets: [objects(32, 64, 64, 80)] }); // a block of 4 x 2 positions of stride 8
  const teacher = [tf.zeros([1, 16, 16, 3]) as Tensor4D];
  const inside = tf.tensor4d(
    Array.from({ length: 16 * 16 * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % 16, Math.floor(i / 48)];
      return x >= 4 && x < 8 && y >= 8 && y < 10 ? 1 + ((7 * i) % 5) : 0;
    }),
    [1, 16, 16, 3],
  );
  const even = tf.ones([1, 16, 16, 3]) as Tensor4D;
  const losses: Record<string, (own: Tensor4D[]) => Scalar> = {
    mse: (own) => featureMSE(teacher, own),
    fkd: (own) => freekdLoss({ teacher, student: own }),
  };
  for (const [variant, loss] of Object.entries(losses)) {
    const of = (map: Tensor4D) => ({
      spent: spentBy(variant, loss, { teacher, student: [map], strides: [8], pixels }),
    });
    const spending = of(inside);
    for (const kind of ['value', 'gradient'] as const) near(sum(spentOn(spending, variant, kind)), 1);
    // Blocks of 2 x 2 positions lie in the box
    const fine = ({ band }: { band: string }): boolean => band.endsWith('1');
    const onFine = spentOn(spending, variant, 'value', fine);
    near(onFine.small, sum(onFine));
    assert.ok(onFine.small > 0.05);
    near(spentOn(of(even), variant, 'value').small, 512 / 128 ** 2);
  }
  const pull = pullMap(losses.mse, [inside]);
  near(pull.mean().dataSync()[0], 1);
  assert.equal(pull.slice([0, 0], [8, 16]).max().dataSync()[0], 0);
  tf.dispose([images, pixels, teacher, inside, even, pull]);
});

test('the command writes a file that is read again, and says it in a sentence', async () => {
  const out = join(temporary(), 'spending');
  const words = ['--spending', '--smoke', '--steps', '2', '--prompt-steps', '2', '--pictures', '8', '--out', out];
  const { status, stdout, stderr } = await reproduce(out, words);
  assert.equal(status, 0, stderr);
  const spending = readSpending(join(out, 'spending.json'));
  assert.equal(spending.pictures, 8);
  assert.equal(spending.spent.length, spendingLosses.length * (10 + 7 + 4));
  for (const variant of spendingLosses)
    for (const kind of ['value', 'gradient'] as const) near(sum(spentOn(spending, variant, kind)), 1);
  near(sum(spending.area), 1);
  assert.ok(stdout.includes(spendingSentence(spending)));
  assert.match(stdout, /^\| background +\|/m);
});
