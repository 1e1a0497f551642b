/**
 * MGD, masked generative distillation (Yang et al., ECCV 2022, arXiv 2205.01529): from the student's
 * map with random positions hidden, a generator restores the teacher's map:
 *
 *   L = 1/N sum (G(phi(s) * m) - t)^2,   G = conv3x3, ReLU, conv3x3,   m = 0 with probability lambda
 *
 * summed over levels; m is drawn for each picture and position. Its configs have weight 2e-5 and
 * lambda 0.65 for one stage, 5e-7 and 0.45 for two. As in its code, phi is there only where the
 * channels differ; G is trained with the student. Teacher's maps come divided by their deviations,
 * so the weight of a config does not carry over.
 */
import { Random } from '../../core/random';
import type { Parameters } from '../../core/parameters';
import { checkPyramids } from '../../freekd/checks';
import { tf, type Scalar, type Tensor4D } from '../../tf';
import { createConv2d, learnedConv2d } from '../learned';
import { learning, type ImitationKind } from './imitation';

export interface MgdSettings {
  weight: number;
  /** lambda, the share of positions that is hidden; 0.65 by default. */
  hidden?: number;
}

/** Adds G of every level to `parameters`, started as PyTorch's Conv2d. */
export function addGenerators(parameters: Parameters, levels: number, channels: number, seed: number): void {
  const random = new Random(seed).fork('mgd');
  for (let level = 0; level < levels; level++)
    for (const layer of [0, 1])
      createConv2d(parameters, `generation.${level}.${layer}`, [3, 3, channels, channels], random);
}

/**
 * @param teacher one [N, H, W, C] a level; @param student of the same shapes
 * @param masks one [N, H, W, 1] a level: 0 where a position is hidden, else 1
 */
export function mgdLoss(
  teacher: Tensor4D[],
  student: Tensor4D[],
  { masks, parameters }: { masks: Tensor4D[]; parameters: Parameters },
): Scalar {
  checkPyramids('mgdLoss', teacher, student);
  return tf.tidy(() => tf.addN(teacher.map((feature, level) => {
    const layer = (x: Tensor4D, i: number): Tensor4D => learnedConv2d(parameters, `generation.${level}.${i}`, x);
    const restored = layer(layer(student[level].mul(masks[level]), 0).relu(), 1);
    return restored.sub(feature).square().sum().div(feature.shape[0]) as Scalar;
  })));
}

/** A mask of each level; a picture's is the same whichever rank and place in the batch it has. */
export function drawMasks(
  maps: Tensor4D[],
  pictures: readonly { id: number }[],
  { hidden, seed }: { hidden: number; seed: string },
): Tensor4D[] {
  return maps.map(({ shape: [n, h, w] }, level) => {
    const values = new Float32Array(n * h * w);
    pictures.forEach(({ id }, picture) => {
      const random = new Random(`${seed}/mgd/${level}/${id}`);
      for (let i = 0; i < h * w; i++) values[picture * h * w + i] = random.next() > 1 - hidden ? 0 : 1;
    });
    return tf.tensor4d(values, [n, h, w, 1]);
  });
}

export const mgd: ImitationKind<MgdSettings> = {
  weights: ({ weight }) => ({ '': weight }),
  create({ weight, hidden = 0.65 }, context) {
    const { teacher: { channels, deviations }, seed } = context;
    return learning(
      context,
      ({ teacher, batch, step }, imitated, parameters) => {
        const masks = drawMasks(teacher, batch.origins, { hidden, seed: `${seed}/${step}` });
        return { mgd: { value: mgdLoss(teacher, imitated, { masks, parameters }), weight } };
      },
      (parameters) => addGenerators(parameters, deviations.length, channels, seed),
    );
  },
};
