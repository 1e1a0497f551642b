/**
 * The masks of MasKD (Huang et al., ICLR 2023, arXiv 2205.14589): for each pyramid level tokens P
 * [T, C] that say which positions matter, and how much each of their masks counts in a picture:
 *
 *   m_i = sigma(P_i x),   w = softmax(B mean_hw(A * x))
 *
 * with a 3x3 convolution A and a 1x1 convolution B. Tuned under the frozen teacher, whose map x is
 * then sum_i w_i m_i x (stage 1), with Dice's coefficient between the masks; frozen in stage 2.
 *
 * Nothing between A and B is nonlinear, so the mean of A * x is that of nine sums over x, one for
 * each tap, through A: the convolution itself is never done.
 */
import type { Parameters } from '../core/parameters';
import { Random } from '../core/random';
import { bandMask } from '../freekd/prompt';
import { tf, type Tensor, type Tensor2D, type Tensor4D } from '../tf';

export interface MaskTokensOptions {
  /** C of the teacher's map. */
  channels: number;
  /** T; 6 in its configs. */
  tokens: number;
  seed: number;
  parameters: Parameters;
  /** Before the name of each parameter. */
  name: string;
}

export class MaskTokens {
  private readonly parameters: Parameters;
  private readonly name: string;

  constructor({ channels, tokens, seed, parameters, name }: MaskTokensOptions) {
    this.parameters = parameters;
    this.name = name;
    const random = new Random(seed).fork(name);
    const create = (part: string, shape: number[], deviation: number): void => {
      const size = shape.reduce((product, n) => product * n, 1);
      parameters.create(`${name}.${part}`, shape, random.normals(size, 0, deviation));
    };
    create('tokens', [tokens, channels], 0.01);
    create('conv.weight', [3, 3, channels, channels], Math.sqrt(2 / (9 * channels)));
    parameters.create(`${name}.conv.bias`, [channels], 0, 'bias');
    create('share.weight', [channels, tokens], Math.sqrt(2 / tokens));
    parameters.create(`${name}.share.bias`, [tokens], 0, 'bias');
  }

  private value<T extends Tensor>(part: string): T {
    return this.parameters.get(`${this.name}.${part}`).value as T;
  }

  /** m of a map [N, H, W, C]: [N, H, W, T]. */
  masks(map: Tensor4D): Tensor4D {
    return bandMask(map, this.value<Tensor2D>('tokens'));
  }

  /** w of a map [N, H, W, C]: [N, T], whose sum is 1. */
  shares(map: Tensor4D): Tensor2D {
    const [n, h, w, c] = map.shape;
    return tf.tidy(() => {
      const sums = tapSums(map, 1).flatMap((rows) => tapSums(rows, 1)); // nine of [N, C], tap by tap
      const mean = tf.concat(sums, 1).div(h * w); // [N, 9 C]
      const convolved = tf.matMul(mean, this.value('conv.weight').reshape([9 * c, c])).add(this.value('conv.bias'));
      const logits = convolved.reshape([n, c]).matMul(this.value('share.weight')).add(this.value('share.bias'));
      return logits.softmax() as Tensor2D;
    });
  }

  /** The map as the teacher's head sees it in stage 1, and its masks. */
  apply(map: Tensor4D): { feature: Tensor4D; masks: Tensor4D[] } {
    return tf.tidy(() => {
      const masks = this.masks(map);
      const [n, h, w, tokens] = masks.shape;
      const weights = tf.matMul(masks.reshape([n, h * w, tokens]), this.shares(map).expandDims(2)); // [N, HW, 1]
      return { feature: map.mul(weights.reshape([n, h, w, 1])) as Tensor4D, masks: [masks] };
    });
  }
}

/**
 * Sums over `axis` of what the taps at -1, 0 and 1 meet, zeros beyond the edge: all but the last,
 * all, all but the first.
 */
function tapSums(x: Tensor, axis: number): Tensor[] {
  const sum = x.sum(axis);
  const edge = (at: number): Tensor => x.gather([at], axis).squeeze([axis]);
  return [sum.sub(edge(x.shape[axis] - 1)), sum, sum.sub(edge(0))];
}
