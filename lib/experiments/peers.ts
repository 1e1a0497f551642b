/**
 * Weights of losses of other papers, as their configs print them; none was tuned here. They do not
 * carry over as they are: here the teacher's maps are divided by their deviations first.
 *
 * CWD: 10 at temperature 1 (mmrazor). PKD: 6 (mmrazor, for Faster R-CNN and RetinaNet). MGD: 2e-5
 * for one stage with 65 % hidden, 5e-7 for two with 45 %.
 */
import type { LossSettings } from '../runs/variants';

export type PeerWeights = Pick<LossSettings['weights'], 'cwd' | 'pkd' | 'mgd'>;

export const oneStagePeers: PeerWeights = {
  cwd: { weight: 10 },
  pkd: { weight: 6 },
  mgd: { weight: 2e-5, hidden: 0.65 },
};

export const twoStagePeers: PeerWeights = { ...oneStagePeers, mgd: { weight: 5e-7, hidden: 0.45 } };

/** Values of the maps of one picture: `channels` at each of `strides`. */
const valuesOf = ({ width, height }: { width: number; height: number }, strides: number[], channels: number): number =>
  strides.reduce((sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride) * channels, 0);

/**
 * For small detectors, whose maps have 64 channels at strides 8, 16 and 32. CWD and PKD are means,
 * and keep their weights; MGD is a sum over all values of a picture's maps, so its weight grows as
 * there are fewer of them than in a picture of 1333x800 at strides 8 to 128.
 */
export function smallPeers(size: { width: number; height: number }): PeerWeights {
  const published = valuesOf({ width: 1333, height: 800 }, [8, 16, 32, 64, 128], 256);
  const { mgd, ...means } = oneStagePeers;
  const weight = Number(((mgd.weight * published) / valuesOf(size, [8, 16, 32], 64)).toPrecision(1));
  return { ...means, mgd: { ...mgd, weight } };
}
