/**
 * Whether masks select anything: their level, how much they vary from position to position, and how
 * alike the tokens' masks are.
 */
import { tf, type Tensor4D } from '../tf';
import { promptDissimilarity } from './dissimilarity';
import { collapse } from './prompt';

export interface MaskStatistics {
  /** Mean over tokens, positions and pictures, in (0, 1). */
  mean: number;
  /**
   * Standard deviation over positions and pictures of the sum of the masks over tokens, divided by
   * its mean. The sum is all that the losses use: where this is near 0, the masked loss is the
   * plain one times a constant.
   */
  variation: number;
  /** Mean Jaccard similarity of two different tokens' masks; NaN for one token. */
  similarity: number;
}

/** The statistics of one band's masks [N, H, W, T]. */
export function maskStatistics(mask: Tensor4D): MaskStatistics {
  const [mean, sumMean, sumVariance] = tf.tidy(() => {
    const sum = tf.moments(collapse(mask));
    return [mask.mean(), sum.mean, sum.variance].map((value) => value.dataSync()[0]);
  });
  const several = mask.shape[3] > 1;
  const similarity = several
    ? tf.tidy(() => promptDissimilarity([mask], { similarity: 'jaccard', pairs: 'distinct' }).dataSync()[0])
    : NaN;
  return { mean, variation: Math.sqrt(sumVariance) / sumMean, similarity };
}
