/**
 * L_dis, the term that keeps the T masks of a prompt apart (method.md formula 3):
 *
 *   L_dis = 1/T^2 sum_i sum_j similarity(sigma(M_i), sigma(M_j))
 *
 * averaged over bands and images here, and over pyramid levels by the caller. The paper's
 * similarity is Jaccard's, sum(mn) / (sum m + sum n - sum(mn)); the authors' code has Dice's, 2
 * sum(mn) / (sum m^2 + sum n^2).
 */
import { tf, type Scalar, type Tensor2D, type Tensor3D, type Tensor4D } from '../tf';

export interface DissimilarityOptions {
  /** 'jaccard' (the paper, default) or 'dice' (the authors' code). */
  similarity?: 'jaccard' | 'dice';
  /**
   * 'all' (default): the T^2 pairs of the formula, i = j included, divided by T^2. With soft masks
   * the diagonal is not constant (Jaccard of a flat mask m with itself is m / (2 - m)), so this
   * also pulls every mask toward 0. 'distinct': the mean over the T (T - 1) pairs with i != j.
   * Under it T = 2 tends to two complementary masks whose sum is 1 everywhere, which makes the
   * masked loss the plain one.
   */
  pairs?: 'all' | 'distinct';
}

/** Keeps 0/0 (two masks that are 0 everywhere in float32) at 0, as the authors' code does. */
const EPSILON = 1e-12;

/** The similarity of every pair of masks of one band: [N, H, W, T] -> [N, T, T]. */
function pairwise(masks: Tensor4D, similarity: 'jaccard' | 'dice'): Tensor3D {
  const [n, h, w, tokens] = masks.shape;
  const m: Tensor3D = masks.reshape([n, h * w, tokens]);
  const overlap: Tensor3D = tf.matMul(m, m, true); // [N, T, T], sum(mn)
  const size: Tensor2D = similarity === 'jaccard' ? m.sum(1) : m.square().sum(1); // [N, T]
  const both = size.expandDims(1).add(size.expandDims(2)); // [N, T, T]
  return similarity === 'jaccard'
    ? overlap.div(both.sub(overlap).add(EPSILON))
    : overlap.mul(2).div(both.add(2 * EPSILON));
}

/**
 * The dissimilarity loss of one prompt, differentiable by the masks.
 * @param masks sigmoids in (0, 1), one [N, H_b, W_b, T] a band, as `FrequencyPrompt.masks` returns
 *   them
 * @returns a scalar; smaller means less similar masks
 */
export function promptDissimilarity(
  masks: Tensor4D[],
  { similarity = 'jaccard', pairs = 'all' }: DissimilarityOptions = {},
): Scalar {
  if (masks.length === 0) throw new Error('promptDissimilarity: no masks were passed');
  if (similarity !== 'jaccard' && similarity !== 'dice')
    throw new Error(`promptDissimilarity: similarity must be 'jaccard' or 'dice', is '${similarity}'`);
  if (pairs !== 'all' && pairs !== 'distinct')
    throw new Error(`promptDissimilarity: pairs must be 'all' or 'distinct', is '${pairs}'`);
  const tokens = masks[0].shape[3];
  masks.forEach((mask, b) => {
    if (mask.rank !== 4 || mask.shape[3] !== tokens) {
      throw new Error(
        `promptDissimilarity: masks[${b}] is [${mask.shape}], expected [N, H, ` +
          `W, ${tokens}] as masks[0] has ${tokens} tokens`,
      );
    }
  });
  if (pairs === 'distinct' && tokens < 2)
    throw new Error("promptDissimilarity: pairs 'distinct' needs two tokens or more, there is 1");
  return tf.tidy(() => {
    const counted = pairs === 'all' ? tf.ones([tokens, tokens]) : tf.sub(1, tf.eye(tokens)); // [T, T]
    const numPairs = pairs === 'all' ? tokens * tokens : tokens * (tokens - 1);
    const perBand = masks.map(
      (mask) =>
        pairwise(mask, similarity)
          .mul(counted)
          .sum()
          .div(numPairs * mask.shape[0]) as Scalar,
    );
    return tf.addN(perBand).div(masks.length);
  });
}
