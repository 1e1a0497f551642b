/**
 * lib/freekd, profile `released`, against the authors' expanded form in PyTorch: values and
 * gradients.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tf, type Scalar, type Tensor, type Tensor3D, type Tensor4D } from '../../lib/dist/tf';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { Parameters } from '../../lib/dist/core/parameters';
import { featureMSE, headSmoothL1 } from '../../lib/dist/freekd/feature-mse';
import { releasedFreeKDLoss } from '../../lib/dist/freekd/released';
import { ReleasedPrompt, releasedDissimilarity, releasedPrompted } from '../../lib/dist/freekd/released-prompt';
import { close, feature, golden, hashedTensor, leavesNothing, matches, type Summary } from './inputs';

interface LossCase {
  sizes: number[][]; batch: number; channels: number; tokens: number; seeds: [number, number][];
  loss: number; studentGradients: Summary[]; featureMSE: number; smoothL1: number;
}
interface PromptCase {
  size: number[]; batch: number; channels: number; tokens: number; seed: number;
  prompted: Summary; masks: Summary[]; dissimilarity: number; tokensGradient: Summary;
}
const cases = golden<{ losses: LossCase[]; prompts: PromptCase[] }>('released');

for (const c of cases.losses) {
  test(
    `releasedFreeKDLoss equals the authors' form: ` +
      `${c.sizes.map((size) => size.join('x')).join(' ')} T=${c.tokens}`,
    () => {
      const teacher = c.sizes.map((size, i) => feature(c.batch, size, c.channels, c.seeds[i][0]));
      const student = c.sizes.map((size, i) => feature(c.batch, size, c.channels, c.seeds[i][1]));
      const tokens = c.seeds.map(([seed]) => hashedTensor<Tensor3D>([4, c.tokens, c.channels], seed));
      const loss = (...s: Tensor[]): Scalar => releasedFreeKDLoss({ student: s as Tensor4D[], teacher, tokens });
      const { value, grads } = tf.valueAndGrads(loss)(student);
      close(value.dataSync()[0], c.loss, 1, 'loss');
      grads.forEach((gradient, i) => matches(gradient, c.studentGradients[i], `gradient to the student's level ${i}`));
      close(featureMSE(teacher, student).dataSync()[0], c.featureMSE, c.featureMSE, 'featureMSE');
      close(
        headSmoothL1(
          teacher,
          student.map((s) => s.mul(3)),
        ).dataSync()[0],
        c.smoothL1,
        c.smoothL1,
        'headSmoothL1',
      );
      leavesNothing(() => loss(...student));
      leavesNothing(() => tf.grads(loss)(student));
    },
  );
}

for (const c of cases.prompts) {
  test(`the released prompt equals the authors' form: ${c.size.join(' x ')} T=${c.tokens}`, () => {
    const x = feature(c.batch, c.size, c.channels, c.seed);
    const along = feature(c.batch, c.size, c.channels, c.seed + 2);
    const tokens = hashedTensor<Tensor3D>([4, c.tokens, c.channels], c.seed + 1);
    const { feature: prompted, masks } = releasedPrompted(tokens, x);
    matches(prompted, c.prompted, 'prompted feature');
    masks.forEach((mask, g) => matches(mask, c.masks[g], `masks[${g}]`));
    close(releasedDissimilarity(masks).dataSync()[0], c.dissimilarity, 4, 'dissimilarity');
    const objective = (p: Tensor): Scalar => {
      const result = releasedPrompted(p as Tensor3D, x);
      return result.feature.mul(along).sum().div(10).add(releasedDissimilarity(result.masks));
    };
    matches(tf.grad(objective)(tokens), c.tokensGradient, 'gradient to the tokens');
    leavesNothing(() => tf.grad(objective)(tokens));
  });
}

test('a ReleasedPrompt keeps its tokens in the store and gives them a gradient', () => {
  const parameters = new Parameters();
  const prompt = new ReleasedPrompt({ channels: 5, parameters, name: 'prompts.0' });
  assert.deepEqual(parameters.get('prompts.0.tokens').shape, [4, 6, 5]);
  const x = feature(1, [8, 8], 5, 1);
  const { gradients } = valueAndGradients(
    () => prompt.apply(x).feature.square().mean() as Scalar,
    parameters.trainable(),
  );
  assert.ok(gradients[0].abs().max().dataSync()[0] > 0);
});

test('tokens of the wrong shape are named with their pyramid level', () => {
  const maps = [feature(1, [4, 4], 3, 1), feature(1, [2, 2], 3, 2)];
  const tokens = [tf.zeros([4, 6, 3]), tf.zeros([10, 6, 3])] as Tensor3D[];
  assert.throws(
    () => releasedFreeKDLoss({ student: maps, teacher: maps, tokens }),
    /pyramid level 1: tokens are \[10,6,3\], expected \[4, T, C\] with C = 3/,
  );
  assert.throws(
    () => releasedFreeKDLoss({ student: maps, teacher: maps, tokens: [tokens[0]] }),
    /tokens has 1 entries for 2 pyramid levels/,
  );
});
