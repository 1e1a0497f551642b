/**
 * The position-aware relational gate (method.md formula 4): which channels of a feature matter,
 * given the next coarser pyramid level.
 *
 *   A = softmax(psi(F)^T F) in R^{C x C} per image,   omega = G(A) in R^{1 x C},   omega^r = omega^t * omega^s
 *
 * psi(F) is the next coarser level resized to F's size (at the coarsest level, the level itself).
 * Row c of A says how channel c of psi(F) relates to the channels of F, and gates channel c of F
 * through G, a two-layer perceptron C -> C/4 -> 1 with ReLU and a sigmoid at the end.
 *
 * Our readings, for the paper is silent: resize bilinear; logits divided by H W, since a sum over
 * the positions saturates the softmax (`normalise: 'none'` is the literal formula); omega
 * normalised to mean 1 over channels, so that a gate can move weight between channels but never
 * switch the loss off. The gate is trained in stage 1 and frozen in stage 2. It gets no weight
 * decay: its gradient passes rows of A (of order 1/C) and a mean of 1, and is so small that under
 * Adam with the L2 decay of the tokens G shrank to 0 in a recorded run, which made omega 1 for
 * every channel.
 */
import { tf, type Tensor2D, type Tensor3D, type Tensor4D } from '../tf';
import { Parameters } from '../core/parameters';
import { Random } from '../core/random';
import { interpolate } from '../kernels/resize';

export interface PositionRelationOptions {
  /** C of the features. */
  channels: number;
  /** Seed of the perceptron's start (normal, He); default 0. */
  seed?: number;
  /** 'positions' (default): psi(F)^T F divided by H W; 'none': the literal formula. */
  normalise?: 'positions' | 'none';
  /**
   * Where G lives, as `<name>.fc1.weight`, `.fc1.bias`, `.fc2.weight`, `.fc2.bias`; default: a
   * store of its own.
   */
  parameters?: Parameters;
  /** Default 'relation'. */
  name?: string;
}

/** omega / mean over channels: [N, C] -> [N, C] of mean 1 an image. */
function meanOne(omega: Tensor2D): Tensor2D {
  return omega.div(omega.mean(1, true));
}

/**
 * omega^r = omega^t * omega^s, normalised to mean 1 over channels. Both [N, C]; their own scale
 * does not matter.
 */
export function relationWeights(teacher: Tensor2D, student: Tensor2D): Tensor2D {
  return tf.tidy(() => meanOne(teacher.mul(student)));
}

export class PositionRelation {
  readonly channels: number;
  readonly normalise: 'positions' | 'none';
  readonly parameters: Parameters;
  readonly name: string;
  private readonly ownsParameters: boolean;

  constructor({ channels, seed = 0, normalise = 'positions', parameters, name = 'relation' }: PositionRelationOptions) {
    if (!Number.isInteger(channels) || channels < 1)
      throw new Error(`PositionRelation: channels must be an integer >= 1, is ${channels}`);
    if (normalise !== 'positions' && normalise !== 'none')
      throw new Error(`PositionRelation: normalise must be 'positions' or 'none', is '${normalise}'`);
    this.channels = channels;
    this.normalise = normalise;
    this.parameters = parameters ?? new Parameters();
    this.ownsParameters = parameters === undefined;
    this.name = name;
    const hidden = Math.max(1, Math.floor(channels / 4));
    const random = new Random(seed).fork(name);
    const he = (fanIn: number, size: number): Float32Array => random.normals(size, 0, Math.sqrt(2 / fanIn));
    this.parameters.create(`${name}.fc1.weight`, [channels, hidden], he(channels, channels * hidden), 'gate');
    this.parameters.create(`${name}.fc1.bias`, [hidden], 0, 'bias');
    this.parameters.create(`${name}.fc2.weight`, [hidden, 1], he(hidden, hidden), 'gate');
    this.parameters.create(`${name}.fc2.bias`, [1], 0, 'bias');
  }

  /**
   * A, the affinity of channels.
   * @param feature F [N, H, W, C]
   * @param next the next coarser pyramid level [N, h, w, C], or F itself at the coarsest
   * @returns [N, C, C]; each row is a softmax over the channels of F
   */
  affinity(feature: Tensor4D, next: Tensor4D): Tensor3D {
    const [n, h, w, c] = feature.shape;
    if (c !== this.channels || next.shape[3] !== this.channels || next.shape[0] !== n) {
      throw new Error(
        `PositionRelation ${this.name}: feature [${feature.shape}] and next ` +
          `[${next.shape}] must be of the same images ` +
          `and have ${this.channels} channels each`,
      );
    }
    return tf.tidy(() => {
      const psi = interpolate(next, [h, w]).reshape([n, h * w, c]);
      const product = tf.matMul(psi, feature.reshape([n, h * w, c]), true); // [N, C, C]
      return tf.softmax(this.normalise === 'positions' ? product.div(h * w) : product) as Tensor3D;
    });
  }

  /** omega = G(A) in (0, 1), not normalised: [N, C]. Arguments as `affinity`. */
  gate(feature: Tensor4D, next: Tensor4D): Tensor2D {
    return tf.tidy(() => {
      const [n, c] = [feature.shape[0], this.channels];
      const value = (part: string): Tensor2D => this.parameters.get(`${this.name}.${part}`).value as Tensor2D;
      const rows: Tensor2D = this.affinity(feature, next).reshape([n * c, c]);
      const hidden = tf.matMul(rows, value('fc1.weight')).add(value('fc1.bias')).relu() as Tensor2D; // [N C, C / 4]
      return tf.matMul(hidden, value('fc2.weight')).add(value('fc2.bias')).sigmoid().reshape([n, c]);
    });
  }

  /**
   * omega normalised to mean 1 over channels: [N, C], differentiable by G's parameters. Arguments
   * as `affinity`.
   */
  weights(feature: Tensor4D, next: Tensor4D): Tensor2D {
    return tf.tidy(() => meanOne(this.gate(feature, next)));
  }

  /** Frees G's parameters, unless they live in a store that was passed in. */
  dispose(): void {
    if (this.ownsParameters) this.parameters.dispose();
  }
}
