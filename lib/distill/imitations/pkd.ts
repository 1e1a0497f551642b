/**
 * PKD (Cao et al., NeurIPS 2022, arXiv 2207.02039): maps are compared up to the mean and scale of
 * each channel, that is by Pearson's correlation:
 *
 *   L = 1/2 mean((z(s) - z(t))^2),   z(x) = (x - mean) / (std + 1e-6)
 *
 * over (N, H, W) of a channel, std unbiased, summed over the four finest levels, as the code of
 * mmrazor has it (weights 6 and 10). It has no phi: student and teacher have equally many channels.
 * Of several ranks each takes the statistics of its own pictures, as the code does, and so does each
 * turn of an accumulated batch.
 */
import { checkPyramids } from '../../freekd/checks';
import { tf, type Scalar, type Tensor4D } from '../../tf';
import type { ImitationKind } from './imitation';

export interface PkdSettings {
  weight: number;
  /** How many levels, from the finest; 4 by default. */
  levels?: number;
}

/** [N, H, W, C] with each channel's mean taken away and its deviation divided out. */
function standardized(map: Tensor4D): Tensor4D {
  const [n, h, w] = map.shape;
  const centered = map.sub(map.mean([0, 1, 2], true));
  const variance = centered.square().sum([0, 1, 2], true).div(Math.max(n * h * w - 1, 1));
  return centered.div(variance.sqrt().add(1e-6));
}

/** @param teacher one [N, H, W, C] a level; @param student of the same shapes */
export function pkdLoss(teacher: Tensor4D[], student: Tensor4D[]): Scalar {
  checkPyramids('pkdLoss', teacher, student);
  return tf.tidy(() => tf.addN(teacher.map((feature, i) =>
    standardized(student[i]).sub(standardized(feature)).square().mean().div(2) as Scalar)));
}

export const pkd: ImitationKind<PkdSettings> = {
  weights: ({ weight }) => ({ '': weight }),
  create({ weight, levels = 4 }, { student: { channels }, teacher }) {
    if (channels !== teacher.channels)
      throw new Error(
        `pkd compares channel with channel, but the student has ${channels} and the teacher ${teacher.channels}: ` +
          'choose a student with as many, or another loss',
      );
    return {
      takesStatistics: true,
      losses: (input) => ({
        pkd: { value: pkdLoss(input.teacher.slice(0, levels), input.student.slice(0, levels)), weight },
      }),
    };
  },
};
