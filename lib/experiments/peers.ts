/**
 * Weights of losses of other papers, as their configs print them; none was tuned here. They do not
 * carry over as they are: here the teacher's maps are divided by their deviations first.
 *
 * CWD: 10 at temperature 1 (mmrazor). PKD: 6 (mmrazor, for Faster R-CNN and RetinaNet). MGD: 2e-5
 * for one stage with 65 % hidden, 5e-7 for two with 45 %. FGD: 1e-3 for RetinaNet, 1.6e-3 for FCOS
 * and RepPoints, 5e-5 for two stages. CanKD: 10. MasKD: 7 for RetinaNet, 10 for FCOS and RepPoints,
 * 1 for two stages, with the student's masks after 5000 to 8500 steps. CrossKD: 1, our reading of its
 * paper (distill/imitations/crosskd.ts).
 */
import type { LossSettings } from '../runs/variants';

export type PeerWeights = Pick<LossSettings['weights'], 'cwd' | 'pkd' | 'mgd' | 'fgd' | 'cankd' | 'maskd' | 'crosskd'>;

export const oneStagePeers: PeerWeights = {
  cwd: { weight: 10 },
  pkd: { weight: 6 },
  mgd: { weight: 2e-5, hidden: 0.65 },
  fgd: { weight: 1e-3 },
  cankd: { weight: 10 },
  maskd: { weight: 7, refineAfter: 7000 },
  crosskd: { weight: 1 },
};

/** For FCOS and RepPoints. */
export const pointPeers: PeerWeights = {
  ...oneStagePeers,
  fgd: { weight: 1.6e-3 },
  maskd: { weight: 10, refineAfter: 5000 },
};

export const twoStagePeers: PeerWeights = {
  ...oneStagePeers,
  mgd: { weight: 5e-7, hidden: 0.45 },
  fgd: { weight: 5e-5, attention: 1, context: 0.01, levels: 4 },
  maskd: { weight: 1, refineAfter: 7330 },
};

/** Values of the maps of one picture: `channels` at each of `strides`. */
const valuesOf = ({ width, height }: { width: number; height: number }, strides: number[], channels: number): number =>
  strides.reduce((sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride) * channels, 0);

/**
 * For small detectors, whose maps have 64 channels at strides 8, 16 and 32, and 800 steps. CWD,
 * PKD, CanKD and MasKD are means, and keep their weights. MGD is a sum over all values of a
 * picture's maps, and FGD's largest term one over channels: their weights grow as there are fewer of
 * them than in a picture of 1333x800 with 256 channels at strides 8 to 128. The masks of MasKD's
 * student come after a twentieth of the steps.
 */
export function smallPeers(size: { width: number; height: number }): PeerWeights {
  const published = valuesOf({ width: 1333, height: 800 }, [8, 16, 32, 64, 128], 256);
  const { mgd, fgd, maskd } = oneStagePeers;
  const weight = Number(((mgd.weight * published) / valuesOf(size, [8, 16, 32], 64)).toPrecision(1));
  return {
    ...oneStagePeers,
    mgd: { ...mgd, weight },
    fgd: { ...fgd, weight: (fgd.weight * 256) / 64 },
    maskd: { ...maskd, refineAfter: 40 },
  };
}
