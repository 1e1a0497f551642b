/** lib/freekd, profile `paper`, against the literal formulas in PyTorch: values and gradients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tf, type Scalar, type Tensor, type Tensor2D, type Tensor4D } from '../../lib/dist/tf';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { Parameters, type Parameter } from '../../lib/dist/core/parameters';
import { type WaveletMode } from '../../lib/dist/wavelet/boundary';
import { wavedec2 } from '../../lib/dist/wavelet/transform';
import { promptDissimilarity } from '../../lib/dist/freekd/dissimilarity';
import { freekdLoss } from '../../lib/dist/freekd/freekd';
import { frequencyLoss, type FrequencyOptions } from '../../lib/dist/freekd/loss';
import { FrequencyPrompt } from '../../lib/dist/freekd/prompt';
import { PositionRelation } from '../../lib/dist/freekd/relation';
import { close, feature, golden, hashedTensor, matches, TOLERANCE, type Summary } from './inputs';

interface Transform { wavelet: string; mode: WaveletMode; level: number; used: number; batch: number; channels: number }
interface LossCase extends Transform {
  size: number[]; tokens: number; weighted: boolean; bands: 'all' | 'high'; reduction: 'mean' | 'band-mean' | 'sum';
  teacherSeed: number; studentSeed: number; loss: number; studentGradient: Summary; weightsGradient?: Summary;
  penalty?: FrequencyOptions['penalty']; bandWeights?: FrequencyOptions['bandWeights'];
}
interface PromptCase extends Transform {
  size: number[]; tokens: number; seed: number; prompted: Summary; masks: Summary[]; objective: number;
  dissimilarity: Record<string, number>; tokensGradient: Summary; featureGradient: Summary;
}
interface RelationCase {
  size: number[]; next: number[]; batch: number; channels: number; normalise: 'positions' | 'none'; seed: number;
  floor: number;
  affinity: Summary; weights: Summary; gradients: Summary[]; featureGradient: Summary; nextGradient: Summary;
}
interface PyramidCase {
  sizes: number[][];
  batch: number;
  channels: number;
  tokens: number;
  level: number;
  /** Whether masks are m_t * m_s. */
  refined?: boolean;
  seeds: [number, number][];
  loss: number;
  studentGradients: Summary[];
}
const cases = golden<{ losses: LossCase[]; prompts: PromptCase[]; relations: RelationCase[]; pyramids: PyramidCase[] }>(
  'freekd',
);

/** A prompt whose tokens are the golden script's. */
function promptOf(
  { channels, tokens, level, wavelet, mode }: Omit<PromptCase | LossCase, 'size'>,
  seed: number,
): FrequencyPrompt {
  const prompt = new FrequencyPrompt({ channels, tokens, level, wavelet, mode });
  tf.tidy(() => (prompt.tokens as tf.Variable).assign(hashedTensor(prompt.tokens.shape, seed)));
  return prompt;
}

/** Gives a gate the golden script's parameters and returns them. */
function setGate(relation: PositionRelation, seed: number): Parameter[] {
  const scales = { 'fc1.weight': 8, 'fc1.bias': 1, 'fc2.weight': 3, 'fc2.bias': 1 };
  return Object.entries(scales).map(([part, scale], k) => {
    const parameter = relation.parameters.get(`${relation.name}.${part}`);
    tf.tidy(() => parameter.assign(hashedTensor(parameter.shape, seed + k, scale)));
    return parameter;
  });
}

for (const [i, c] of cases.losses.entries()) {
  const name =
    `${c.size.join(' x ')} ${c.wavelet} ${c.mode} level ${c.used} T=${c.tokens} ` +
    `${c.bands} ${c.reduction}${c.weighted ? ' omega' : ''}` +
    (c.penalty ? ` ${c.penalty.low} + ${c.penalty.high}` : '');
  test(`frequencyLoss equals the expanded formula in PyTorch: ${i} ${name}`, () => {
    const { wavelet, mode, level, used, bands, reduction, penalty, bandWeights } = c;
    const teacher = feature(c.batch, c.size, c.channels, c.teacherSeed);
    const student = feature(c.batch, c.size, c.channels, c.studentSeed);
    const prompt = c.tokens > 0 ? promptOf(c, c.teacherSeed) : undefined;
    const masks = prompt?.masks(wavedec2(teacher, { wavelet, mode, level: used }));
    const weights = c.weighted
      ? (hashedTensor<Tensor2D>([c.batch, c.channels], c.teacherSeed, 0.5).add(1) as Tensor2D)
      : undefined;
    const f = (s: Tensor, w?: Tensor): Scalar =>
      frequencyLoss({
        teacher,
        student: s as Tensor4D,
        masks,
        weights: w as Tensor2D,
        wavelet,
        mode,
        level,
        bands,
        reduction,
        penalty,
        bandWeights,
      });
    const { value, grads } = tf.valueAndGrads(f)(weights ? [student, weights] : [student]);
    close(value.dataSync()[0], c.loss, Math.max(1, c.loss), 'loss');
    matches(grads[0], c.studentGradient, 'gradient to the student');
    if (weights) matches(grads[1], c.weightsGradient!, 'gradient to the weights');
  });
}

for (const [i, c] of cases.prompts.entries()) {
  test(`FrequencyPrompt equals PyTorch: ${i} ${c.size.join(' x ')} ${c.wavelet} level ${c.used} T=${c.tokens}`, () => {
    const x = feature(c.batch, c.size, c.channels, c.seed);
    const along = feature(c.batch, c.size, c.channels, c.seed + 2);
    const prompt = promptOf(c, c.seed + 1);
    const { feature: prompted, masks } = prompt.apply(x);
    matches(prompted, c.prompted, 'prompted feature');
    masks.forEach((mask, b) => matches(mask, c.masks[b], `masks[${b}]`));
    for (const [kind, expected] of Object.entries(c.dissimilarity)) {
      const [similarity, pairs] = kind.split('-') as ['jaccard' | 'dice', 'all' | 'distinct'];
      close(promptDissimilarity(masks, { similarity, pairs }).dataSync()[0], expected, 1, kind);
    }
    const objective = (input: Tensor4D): Scalar => {
      const result = prompt.apply(input);
      return result.feature.mul(along).sum().div(10).add(promptDissimilarity(result.masks));
    };
    const byTokens = tf.variableGrads(() => objective(x), [prompt.tokens as tf.Variable]);
    close(byTokens.value.dataSync()[0], c.objective, Math.max(1, c.prompted.max), 'objective');
    matches(Object.values(byTokens.grads)[0], c.tokensGradient, 'gradient to the tokens');
    matches(tf.grad((input: Tensor) => objective(input as Tensor4D))(x), c.featureGradient, 'gradient to the feature');
    prompt.dispose();
  });
}

for (const [i, c] of cases.relations.entries()) {
  test(`PositionRelation equals PyTorch: ${i} ${c.size.join(' x ')} next ${c.next.join(' x ')} ${c.normalise}`, () => {
    const x = feature(c.batch, c.size, c.channels, c.seed);
    const next = feature(c.batch, c.next, c.channels, c.seed + 1);
    const relation = new PositionRelation({ channels: c.channels, normalise: c.normalise });
    const parameters = setGate(relation, c.seed + 2);
    const along = hashedTensor<Tensor2D>([c.batch, c.channels], c.seed + 9);
    matches(relation.affinity(x, next), c.affinity, 'affinity');
    matches(relation.weights(x, next), c.weights, 'weights');
    const objective = (f: Tensor, n: Tensor): Scalar => relation.weights(f as Tensor4D, n as Tensor4D).mul(along).sum();
    const { gradients } = valueAndGradients(() => objective(x, next), parameters);
    // Sums of large terms that cancel: float32 itself leaves the exact sum by `floor`.
    const unit = Math.max(...c.gradients.map(({ max }) => max), (2 * c.floor) / TOLERANCE);
    gradients.forEach((gradient, k) => matches(gradient, c.gradients[k], parameters[k].name, unit));
    const [byFeature, byNext] = tf.grads(objective)([x, next]);
    matches(byFeature, c.featureGradient, 'gradient to F');
    matches(byNext, c.nextGradient, 'gradient to the next level');
  });
}

for (const c of cases.pyramids) {
  test(`freekdLoss over five levels equals PyTorch, T=${c.tokens}${c.refined ? ', refined' : ''}`, () => {
    const { batch, channels, tokens, level, refined } = c;
    const parameters = new Parameters();
    const teacher = c.sizes.map((size, i) => feature(batch, size, channels, c.seeds[i][0]));
    const student = c.sizes.map((size, i) => feature(batch, size, channels, c.seeds[i][1]));
    const prompts = c.seeds.map(([seed]) =>
      promptOf({ channels, tokens, level, wavelet: 'haar', mode: 'zero' } as LossCase, seed),
    );
    const relations = c.sizes.map((_, i) => new PositionRelation({ channels, parameters, name: `relation${i}` }));
    const gates = relations.map((relation, i) => setGate(relation, c.seeds[i][0] + 1));
    const loss = (...s: Tensor[]): Scalar =>
      freekdLoss({ teacher, student: s as Tensor4D[], prompts, relations, refined });
    const { value, grads } = tf.valueAndGrads(loss)(student);
    close(value.dataSync()[0], c.loss, Math.max(1, c.loss), 'loss');
    grads.forEach((gradient, i) => matches(gradient, c.studentGradients[i], `gradient to the student's level ${i}`));
    const { gradients } = valueAndGradients(() => loss(...student), gates.flat());
    for (const gradient of gradients)
      assert.equal(gradient.abs().max().dataSync()[0], 0, 'no gradient goes through omega');
  });
}
