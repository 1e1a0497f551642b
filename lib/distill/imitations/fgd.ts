/**
 * FGD, focal and global distillation (Yang et al., CVPR 2022, arXiv 2111.11837): objects apart from
 * background, where the teacher attends most, and the context of the whole map:
 *
 *   L = 1/N [ sum (fg + beta bg) A_S A_C (s - t)^2
 *             + gamma (|A_S(s) - A_S(t)|_1 + |A_C(s) - A_C(t)|_1) + lambda sum (R(s) - R'(t))^2 ]
 *   A_S(x) = HW softmax_hw(mean_c |x| / tau),   A_C(x) = C softmax_c(mean_hw |x| / tau)
 *
 * summed over levels; the first sum has the teacher's A_S and A_C. fg is 1 / (cells of the box) in
 * a box, the largest where boxes meet; bg is 1 / (cells outside) outside all. R and R' are GcBlocks
 * (Cao et al., arXiv 1904.11492), trained with the student: R(x) = x + W2 ReLU(LN(W1 c)), c the
 * mean of x weighted by softmax_hw(w x).
 *
 * beta, gamma and lambda count in units of the weight: its configs have weight 1e-3 (FCOS and
 * RepPoints 1.6e-3) with 1/2, 1/2, 1/200, and for two stages 5e-5 with 1/2, 1, 1/100 on the four
 * finest levels. As in its code, phi is there only where the channels differ, and a box is scaled
 * by the picture's size to the whole map, which holds the padding too. Teacher's maps come divided
 * by their deviations, so neither the weight nor tau of a config carries over.
 */
import { Random } from '../../core/random';
import type { Parameters } from '../../core/parameters';
import type { Origin, Target } from '../../data/types';
import { checkPyramids } from '../../freekd/checks';
import { tf, type Scalar, type Tensor, type Tensor2D, type Tensor3D, type Tensor4D } from '../../tf';
import { learning, type ImitationKind } from './imitation';

interface FgdBalance {
  /** beta, of the background; 0.5 by default. */
  background?: number;
  /** gamma, of the attention; 0.5 by default. */
  attention?: number;
  /** lambda, of the context; 0.005 by default. */
  context?: number;
  /** tau, 0.5 by default. */
  temperature?: number;
}

export interface FgdSettings extends FgdBalance {
  weight: number;
  /** How many levels, from the finest; all by default. */
  levels?: number;
}

/** Where objects are on one level, each [N, H * W, 1]. */
export interface BoxMasks {
  foreground: Tensor3D;
  background: Tensor3D;
}

/** The masks of each level; `shapes` are those of its maps. */
export function boxMasks(
  shapes: readonly number[][],
  targets: readonly Pick<Target, 'boxes'>[],
  origins: readonly Pick<Origin, 'inputWidth' | 'inputHeight'>[],
): BoxMasks[] {
  return shapes.map(([n, h, w]) => {
    const foreground = new Float32Array(n * h * w);
    const background = new Float32Array(n * h * w);
    targets.forEach(({ boxes }, picture) => {
      const { inputWidth, inputHeight } = origins[picture];
      const own = foreground.subarray(picture * h * w, (picture + 1) * h * w);
      for (let i = 0; i < boxes.length; i += 4) {
        const [left, right] = cells(boxes[i], boxes[i + 2], inputWidth, w);
        const [top, bottom] = cells(boxes[i + 1], boxes[i + 3], inputHeight, h);
        const value = 1 / ((right - left + 1) * (bottom - top + 1));
        for (let y = Math.max(top, 0); y <= Math.min(bottom, h - 1); y++)
          for (let x = Math.max(left, 0); x <= Math.min(right, w - 1); x++)
            own[y * w + x] = Math.max(own[y * w + x], value);
      }
      const outside = own.reduce((count, value) => count + (value > 0 ? 0 : 1), 0);
      own.forEach((value, k) => (background[picture * h * w + k] = value > 0 ? 0 : 1 / outside));
    });
    const masks = [foreground, background].map((values) => tf.tensor3d(values, [n, h * w, 1]));
    return { foreground: masks[0], background: masks[1] };
  });
}

/** The first and last cell of `count` that a side of a box reaches, in single precision as in its code. */
function cells(from: number, to: number, size: number, count: number): [number, number] {
  const scaled = (side: number): number => Math.fround(Math.fround(side / size) * count);
  return [Math.floor(scaled(from)), Math.ceil(scaled(to))];
}

/** Adds the GcBlocks of every level to `parameters`; W2 starts at 0, so that R(x) = x. */
export function addContextBlocks(parameters: Parameters, levels: number, channels: number, seed: number): void {
  const random = new Random(seed).fork('fgd');
  const half = Math.max(1, channels >> 1);
  const bound = 1 / Math.sqrt(channels);
  const uniform = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.uniform(-bound, bound));
  for (let level = 0; level < levels; level++)
    for (const side of ['student', 'teacher']) {
      const name = `context.${level}.${side}`;
      // Kaiming's start; a bias would change nothing below a softmax.
      parameters.create(`${name}.pool.weight`, [channels, 1], random.normals(channels, 0, Math.sqrt(2 / channels)));
      parameters.create(`${name}.hidden.weight`, [channels, half], uniform(channels * half));
      parameters.create(`${name}.hidden.bias`, [half], uniform(half), 'bias');
      parameters.create(`${name}.norm.weight`, [half], 1, 'norm');
      parameters.create(`${name}.norm.bias`, [half], 0, 'norm');
      parameters.create(`${name}.out.weight`, [half, channels], 0);
      parameters.create(`${name}.out.bias`, [channels], 0, 'bias');
    }
}

/** R(x) - x of a GcBlock, the same at every position: [N, HW, C] -> [N, 1, C]. */
function contextOf(map: Tensor3D, parameters: Parameters, name: string): Tensor {
  const [n, positions, c] = map.shape;
  const value = (part: string): Tensor2D => parameters.get(`${name}.${part}`).value as Tensor2D;
  const logits = map.reshape([n * positions, c]).matMul(value('pool.weight'));
  const pooled = tf.matMul(logits.reshape([n, 1, positions]).softmax(), map).reshape([n, c]);
  const hidden = pooled.matMul(value('hidden.weight')).add(value('hidden.bias')); // [N, C / 2]
  const { mean, variance } = tf.moments(hidden, 1, true);
  const normalized = hidden.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(value('norm.weight')).add(value('norm.bias'));
  return normalized.relu().matMul(value('out.weight')).add(value('out.bias')).expandDims(1);
}

/** A_S [N, HW, 1] and A_C [N, 1, C] of a map [N, HW, C]. */
function attentionOf(map: Tensor3D, temperature: number): { spatial: Tensor; channel: Tensor } {
  const [n, positions, c] = map.shape;
  const magnitude = map.abs();
  return {
    spatial: magnitude.mean(2).div(temperature).softmax().mul(positions).reshape([n, positions, 1]),
    channel: magnitude.mean(1).div(temperature).softmax().mul(c).reshape([n, 1, c]),
  };
}

/**
 * @param teacher one [N, H, W, C] a level; @param student of the same shapes
 * @param masks of each level; @param parameters with the GcBlocks of each level
 */
export function fgdLoss(
  teacher: Tensor4D[],
  student: Tensor4D[],
  { masks, parameters, ...balance }: { masks: BoxMasks[]; parameters: Parameters } & FgdBalance,
): Scalar {
  checkPyramids('fgdLoss', teacher, student);
  const { background = 0.5, attention = 0.5, context = 0.005, temperature = 0.5 } = balance;
  return tf.tidy(() => tf.addN(teacher.map((feature, level) => {
    const [n, h, w, c] = feature.shape;
    const [given, imitated] = [feature, student[level]].map((map) => map.reshape([n, h * w, c]) as Tensor3D);
    const [wanted, found] = [given, imitated].map((map) => attentionOf(map, temperature));
    const difference = imitated.sub(given);
    const attended = tf.matMul(difference.square(), wanted.channel, false, true).mul(wanted.spatial); // [N, HW, 1]
    const share = masks[level].foreground.add(masks[level].background.mul(background));
    const spatial = found.spatial.sub(wanted.spatial).abs().sum();
    const channel = found.channel.sub(wanted.channel).abs().sum();
    const [own, others] = (['student', 'teacher'] as const).map((side) =>
      contextOf(side === 'student' ? imitated : given, parameters, `context.${level}.${side}`));
    const contexts = difference.add(own.sub(others)).square().sum();
    const parts = [attended.mul(share).sum(), spatial.add(channel).mul(attention), contexts.mul(context)];
    return tf.addN(parts).div(n) as Scalar;
  })));
}

export const fgd: ImitationKind<FgdSettings> = {
  weights: ({ weight }) => ({ '': weight }),
  create({ weight, levels, ...balance }, context) {
    const { teacher: { channels, deviations }, seed } = context;
    const count = Math.min(levels ?? Infinity, deviations.length);
    return learning(
      context,
      ({ teacher, batch: { targets, origins } }, imitated, parameters) => {
        const maps = teacher.slice(0, count);
        const masks = boxMasks(maps.map(({ shape }) => shape), targets, origins);
        return { fgd: { value: fgdLoss(maps, imitated.slice(0, count), { masks, parameters, ...balance }), weight } };
      },
      (parameters) => addContextBlocks(parameters, count, channels, seed),
    );
  },
};
