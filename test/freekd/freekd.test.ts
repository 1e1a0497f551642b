/** Options, memory and errors of lib/freekd. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tf, type Scalar, type Tensor, type Tensor2D, type Tensor4D } from '../../lib/dist/tf';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { Parameters } from '../../lib/dist/core/parameters';
import { wavedec2 } from '../../lib/dist/wavelet/transform';
import { withoutGradient } from '../../lib/dist/freekd/band-distance';
import { bandNames, bandsOf, decompositionOf } from '../../lib/dist/freekd/bands';
import { promptDissimilarity } from '../../lib/dist/freekd/dissimilarity';
import { featureMSE } from '../../lib/dist/freekd/feature-mse';
import { freekdLoss } from '../../lib/dist/freekd/freekd';
import { clampedLevels, usableLevel } from '../../lib/dist/freekd/level';
import { frequencyLoss } from '../../lib/dist/freekd/loss';
import { paper } from '../../lib/dist/freekd/profiles';
import { FrequencyPrompt } from '../../lib/dist/freekd/prompt';
import { PositionRelation, relationWeights } from '../../lib/dist/freekd/relation';
import { feature, hashedTensor, leavesNothing } from './inputs';

const haar = { wavelet: 'haar', mode: 'zero' } as const;
const value = (x: Tensor): number => x.dataSync()[0];
const near = (actual: number, expected: number, tolerance = 1e-6): void =>
  assert.ok(
    Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${actual}, expected ${expected}`,
  );

test('the short name of a mode is that mode, in prompts and losses', () => {
  const [teacher, student] = [feature(1, [7, 5], 2, 1), feature(1, [7, 5], 2, 2)];
  const prompt = new FrequencyPrompt({ channels: 2, tokens: 2, level: 1, mode: 'sym' });
  assert.equal(prompt.mode, 'symmetric');
  const loss = (mode: 'sym' | 'symmetric'): number => value(frequencyLoss({ teacher, student, mode }));
  assert.equal(loss('sym'), loss('symmetric'));
  const prompted = { teacher: [teacher], student: [student], prompts: [prompt] };
  assert.equal(value(freekdLoss({ ...prompted, mode: 'sym' })), value(freekdLoss(prompted)));
});

test('bands are ordered LL, then H, V, D, coarsest first', () => {
  assert.deepEqual(bandNames(2), ['LL2', 'H2', 'V2', 'D2', 'H1', 'V1', 'D1']);
  const decomposition = wavedec2(feature(1, [8, 8], 2, 1), { ...haar, level: 2 });
  const again = decompositionOf(bandsOf(decomposition));
  assert.equal(bandsOf(again)[6], decomposition.details[1].diagonal);
  assert.deepEqual(again.details.map(({ level }) => level), [2, 1]);
});

test('the level is clamped to where the smaller side is still two', () => {
  assert.deepEqual(
    [
      [100, 152],
      [13, 19],
      [7, 10],
      [5, 5],
      [4, 9],
      [3, 5],
      [2, 2],
      [1, 40],
    ].map(([h, w]) => usableLevel([h, w], 3)),
    [3, 3, 2, 2, 1, 1, 0, 0],
  );
  assert.deepEqual(clampedLevels([[16, 16], [4, 4]], 3), [{ pyramidLevel: 1, size: [4, 4], requested: 3, used: 1 }]);
  const prompt = new FrequencyPrompt({ channels: 2, tokens: 2, level: 3 });
  assert.equal(prompt.apply(feature(1, [16, 16], 2, 1)).masks.length, 10);
  assert.equal(prompt.apply(feature(1, [4, 4], 2, 1)).masks.length, 4);
  const unclamped = new FrequencyPrompt({ channels: 2, tokens: 2, level: 3, clamp: false });
  assert.equal(unclamped.apply(feature(1, [4, 4], 2, 1)).masks.length, 10);
});

test('a fresh prompt scales the feature by about T / 2, and tokens are a variable [B, T, C]', () => {
  for (const tokens of [2, 6]) {
    const prompt = new FrequencyPrompt({ channels: 4, tokens, level: 2, seed: 5 });
    assert.deepEqual(prompt.tokens.shape, [7, tokens, 4]);
    assert.ok(prompt.tokens instanceof tf.Variable);
    const x = feature(1, [8, 8], 4, 2);
    near(value(prompt.apply(x).feature.div(x).mean()), tokens / 2, 0.05);
    prompt.dispose();
  }
});

test('prompts of a pyramid train in one store, and equal seeds give equal tokens', () => {
  const parameters = new Parameters();
  const prompts = [0, 1].map(
    (i) => new FrequencyPrompt({ channels: 3, tokens: 2, level: 1, seed: 7, parameters, name: `prompts.${i}` }),
  );
  assert.deepEqual(parameters.all().map(({ name }) => name), ['prompts.0.tokens', 'prompts.1.tokens']);
  const again = new FrequencyPrompt({ channels: 3, tokens: 2, level: 1, seed: 7, name: 'prompts.1' });
  assert.deepEqual(again.tokens.dataSync(), prompts[1].tokens.dataSync());
  assert.notDeepEqual(prompts[0].tokens.dataSync(), prompts[1].tokens.dataSync());
  const x = feature(1, [6, 6], 3, 3);
  const loss = (): Scalar => tf.addN(prompts.map((prompt) => promptDissimilarity(prompt.apply(x).masks)));
  const { gradients } = valueAndGradients(loss, parameters.trainable());
  assert.ok(gradients.every((gradient) => value(gradient.abs().max()) > 0));
});

test('dissimilarity of flat masks: Jaccard is m / (2 - m), Dice 1; pairs with and without the diagonal', () => {
  const masks = [tf.fill([2, 3, 4, 2], 0.4), tf.fill([2, 2, 2, 2], 0.4)] as Tensor4D[];
  near(value(promptDissimilarity(masks)), 0.4 / 1.6);
  near(value(promptDissimilarity(masks, { similarity: 'dice' })), 1);
  const left = tf.concat([tf.ones([1, 4, 1, 1]), tf.zeros([1, 4, 1, 1])], 2);
  const apart = [tf.concat([left, tf.sub(1, left)], 3)] as Tensor4D[];
  near(value(promptDissimilarity(apart)), 0.5);
  near(value(promptDissimilarity(apart, { pairs: 'distinct' })), 0);
  assert.equal(value(promptDissimilarity([tf.zeros([1, 2, 2, 2])])), 0);
});

test('relational weights have mean 1 over channels', () => {
  const relation = new PositionRelation({ channels: 8, seed: 2 });
  const [x, next] = [feature(2, [6, 8], 8, 4), feature(2, [3, 4], 8, 5)];
  const rows = relation.affinity(x, next);
  assert.deepEqual(rows.shape, [2, 8, 8]);
  for (const sum of rows.sum(2).dataSync()) near(sum, 1, 1e-5);
  const [a, b] = [relation.weights(x, next), relation.weights(next, next)];
  for (const mean of tf.concat([a, relationWeights(a, b)]).mean(1).dataSync()) near(mean, 1, 1e-5);
});

test('reductions and bands', () => {
  const [teacher, student] = [feature(2, [8, 8], 3, 6), feature(2, [8, 8], 3, 7)];
  const bands = bandsOf(wavedec2(teacher.sub(student), { ...haar, level: 1 }));
  const of = (options: object): number => value(frequencyLoss({ teacher, student, level: 1, ...options }));
  const sums = bands.map((band) => value(band.abs().sum()));
  const total = sums.reduce((a, b) => a + b);
  near(of({ reduction: 'sum' }), total, 1e-5);
  near(of({}), total / teacher.size, 1e-5);
  near(of({ bands: 'high' }), (total - sums[0]) / (0.75 * teacher.size), 1e-5);
  near(of({ bands: 'high', reduction: 'band-mean' }), (total - sums[0]) / (0.75 * teacher.size), 1e-5);
  near(of({ level: 0 }), value(teacher.sub(student).abs().mean()), 1e-5);
  assert.equal(of({ level: 0, bands: 'high' }), 0);
  assert.equal(
    value(
      tf
        .grad((s: Tensor) => frequencyLoss({ teacher, student: s as Tensor4D, level: 0, bands: 'high' }))(student)
        .abs()
        .max(),
    ),
    0,
  );
});

test('freekdLoss is the mean of its levels, and masks made once equal the prompts', () => {
  const sizes = [[8, 8], [4, 4]];
  const [teacher, student] = [8, 9].map((seed) => sizes.map((size, i) => feature(2, size, 4, 10 * seed + i)));
  const levels = teacher.map((t, i) => value(frequencyLoss({ teacher: t, student: student[i] })));
  near(value(freekdLoss({ teacher, student })), (levels[0] + levels[1]) / 2);
  const prompts = sizes.map((_, i) => new FrequencyPrompt({ channels: 4, tokens: 2, level: 3, seed: i }));
  const masks = teacher.map((t, i) => prompts[i].apply(t).masks);
  near(value(freekdLoss({ teacher, student, masks })), value(freekdLoss({ teacher, student, prompts })));
});

test('no gradient goes through masks and omega, and equal features lose nothing', () => {
  const [teacher, student] = [[feature(1, [8, 8], 4, 10)], [feature(1, [8, 8], 4, 11)]];
  const parameters = new Parameters();
  const prompts = [new FrequencyPrompt({ channels: 4, tokens: 2, level: 2, parameters })];
  const relations = [new PositionRelation({ channels: 4, parameters })];
  const loss = (): Scalar => freekdLoss({ teacher, student, prompts, relations });
  const { gradients } = valueAndGradients(loss, parameters.trainable());
  assert.ok(gradients.every((gradient) => value(gradient.abs().max()) === 0));
  assert.equal(value(freekdLoss({ teacher, student: teacher, prompts, relations })), 0);
  assert.equal(value(tf.grad((x: Tensor) => withoutGradient(() => x.square()).mul(x) as Scalar)(tf.scalar(3))), 9);
});

test('a step leaves no tensor behind', () => {
  const [teacher, student] = [12, 13].map((seed) =>
    [
      [13, 19],
      [7, 10],
    ].map((size, i) => feature(2, size, 4, 10 * seed + i)),
  );
  const parameters = new Parameters();
  const prompts = [0, 1].map(
    (i) => new FrequencyPrompt({ channels: 4, tokens: 2, level: 3, parameters, name: `prompts.${i}` }),
  );
  const relations = [0, 1].map((i) => new PositionRelation({ channels: 4, parameters, name: `relations.${i}` }));
  const loss = (...s: Tensor[]): Scalar => freekdLoss({ teacher, student: s as Tensor4D[], prompts, relations });
  leavesNothing(() => loss(...student));
  leavesNothing(() => tf.grads(loss)(student));
  const penalty = { low: 'squared', high: 'log-squared' } as const;
  const plus = (...s: Tensor[]): Scalar =>
    freekdLoss({ teacher, student: s as Tensor4D[], prompts, relations, penalty, refined: true });
  leavesNothing(() => tf.grads(plus)(student));
  const stage1 = (): Scalar => {
    const { feature: prompted, masks } = prompts[0].apply(teacher[0]);
    const omega = relations[0].weights(teacher[0], teacher[1]).reshape([2, 1, 1, 4]);
    return prompted.mul(omega).square().mean().add(promptDissimilarity(masks));
  };
  leavesNothing(() => {
    const { value: loss, gradients } = valueAndGradients(stage1, parameters.trainable());
    return [loss, ...gradients];
  });
  leavesNothing(() => featureMSE(teacher, student));
});

test('the default options are those of profile `paper`', () => {
  const [teacher, student] = [feature(1, [8, 8], 4, 14), feature(1, [8, 8], 4, 15)];
  const { transform, loss: { bands, reduction } } = paper;
  near(
    value(frequencyLoss({ teacher, student })),
    value(frequencyLoss({ teacher, student, ...transform, bands, reduction })),
  );
  assert.equal(new PositionRelation({ channels: 4 }).normalise, paper.relation.normalise);
  const { similarity, pairs } = paper.dissimilarity;
  const masks = [hashedTensor<Tensor4D>([1, 4, 4, 2], 16).sigmoid() as Tensor4D];
  near(value(promptDissimilarity(masks)), value(promptDissimilarity(masks, { similarity, pairs })));
});

test('the options of FreeKD+ left at L1, 1 and plain masks are FreeKD, bit for bit', () => {
  const [teacher, student] = [feature(1, [8, 8], 4, 14), feature(1, [8, 8], 4, 15)];
  const options = { penalty: { low: 'l1', high: 'l1' }, bandWeights: { low: 1, high: 1 } } as const;
  assert.equal(value(frequencyLoss({ teacher, student, ...options })), value(frequencyLoss({ teacher, student })));
  const low = value(frequencyLoss({ teacher, student, bandWeights: { high: 0 } }));
  const high = value(frequencyLoss({ teacher, student, bandWeights: { low: 0 } }));
  near(low + high, value(frequencyLoss({ teacher, student })));
});

test('wrong inputs are named', () => {
  const [x, wide, half] = [feature(2, [8, 8], 4, 1), feature(2, [8, 8], 6, 1), feature(2, [4, 4], 4, 1)];
  const prompt = new FrequencyPrompt({ channels: 4, tokens: 2, level: 2 });
  const { masks } = prompt.apply(x);
  const shapes =
    /pyramid level 1: the teacher's feature is \[2,8,8,4\], the student's \[2,8,8,6\]; project the student to 4 channels/;
  assert.throws(() => freekdLoss({ teacher: [x, x], student: [x, wide] }), shapes);
  assert.throws(() => freekdLoss({ teacher: [x], student: [half] }), /pyramid level 0.*same images at the same size/);
  assert.throws(() => freekdLoss({ teacher: [x, half], student: [x] }), /2 pyramid levels, the student 1/);
  assert.throws(() => freekdLoss({ teacher: [], student: [] }), /no pyramid level/);
  assert.throws(
    () => frequencyLoss({ teacher: [x] as unknown as Tensor4D, student: x }),
    /the teacher's feature must be a tensor \[N, H, W, C\], not a list; freekdLoss takes the levels/,
  );
  for (const clamp of [true, false])
    assert.throws(() => frequencyLoss({ teacher: x, student: x, level: 1e9, clamp }), /integer from 0 to 64, not/);
  assert.throws(() => new FrequencyPrompt({ channels: 4, tokens: 2, level: 1e9 }), /integer from 0 to 64, not/);
  assert.throws(
    () => freekdLoss({ teacher: [x], student: [x], prompts: [prompt, prompt] }),
    /prompts has 2 entries for 1 pyramid levels/,
  );
  assert.throws(
    () => freekdLoss({ teacher: [x], student: [x], prompts: [prompt], masks: [masks] }),
    /either prompts or masks/,
  );
  assert.throws(
    () => freekdLoss({ teacher: [x], student: [x], prompts: [prompt], wavelet: 'db2' }),
    /wavelet is 'db2', but prompts\[0\] was made for 'haar'/,
  );
  assert.throws(() => frequencyLoss({ teacher: x, student: wide }), /frequencyLoss: the teacher's feature/);
  assert.throws(
    () => frequencyLoss({ teacher: x, student: x, masks: masks.slice(1) }),
    /6 masks, expected 3 level \+ 1/,
  );
  assert.throws(
    () => frequencyLoss({ teacher: x, student: x, masks, level: 1 }),
    /7 masks, expected 4 masks for level 1/,
  );
  assert.throws(
    () => frequencyLoss({ teacher: half, student: half, masks }),
    /masks\[0\] is \[2,2,2,2\], its band is \[2,1,1,4\]/,
  );
  assert.throws(
    () => frequencyLoss({ teacher: x, student: x, weights: tf.ones([2, 3]) as Tensor2D }),
    /weights is \[2,3\].*\[2, 4\]/,
  );
  assert.throws(
    () => frequencyLoss({ teacher: x, student: x, penalty: { high: 'l2' as 'l1' } }),
    /penalty\.high must be one of l1, squared, log-squared, huber, is 'l2'/,
  );
  assert.throws(
    () => frequencyLoss({ teacher: x, student: x, bandWeights: { low: -1 } }),
    /bandWeights\.low must be a number >= 0, is -1/,
  );
  assert.throws(
    () => freekdLoss({ teacher: [x], student: [x], masks: [masks], refined: true }),
    /refined masks are made by prompts/,
  );
  for (const level of [-1, 1.5, NaN, 1e9]) {
    const wrong = new RegExp(`level of a wavelet transform must be an integer from 0 to 64, not ${level}`);
    assert.throws(() => new FrequencyPrompt({ channels: 4, tokens: 2, level }), wrong);
    assert.throws(() => frequencyLoss({ teacher: x, student: x, level, clamp: false }), wrong);
    assert.throws(() => usableLevel([8, 8], level), wrong);
  }
  assert.throws(() => prompt.apply(wide), /6 channels, the prompt was made for 4/);
  assert.throws(() => prompt.masks(wavedec2(x, { ...haar, level: 3 })), /3 levels, the prompt 2/);
  assert.throws(
    () => new FrequencyPrompt({ channels: 4, tokens: 0, level: 2 }),
    /tokens must be an integer >= 1, is 0/,
  );
  assert.throws(
    () => new PositionRelation({ channels: 8 }).affinity(x, half),
    /must be of the same images and have 8 channels/,
  );
  assert.throws(() => promptDissimilarity([]), /no masks/);
  assert.throws(() => promptDissimilarity([tf.ones([1, 2, 2, 1])], { pairs: 'distinct' }), /two tokens or more/);
  assert.throws(() => promptDissimilarity([tf.ones([1, 2, 2, 2]), tf.ones([1, 2, 2, 3])]), /masks\[1\] is \[1,2,2,3\]/);
});
