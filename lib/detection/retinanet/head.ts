/**
 * RetinaNet's head (Lin et al., arXiv 1708.02002): two towers of 3x3 convolutions shared by all
 * pyramid levels, one for class logits, one for box deltas. The classification bias starts where
 * every anchor's score is 0.01.
 */
import { tf, type Tensor4D } from '../../tf';
import { type Parameters } from '../../core/parameters';
import { type Random } from '../../core/random';
import { convLevels, createConv, createNorm, type Norm, normalise, normName } from '../layers';

export interface HeadConfig {
  /** Convolutions of each tower before its output convolution. */
  convs: number;
  channels: number;
  norm: Norm;
}

/**
 * One pyramid level's predictions; A anchors a position, K classes, anchor by anchor in the last
 * axis.
 */
export type HeadOutput = {
  /** [N, H, W, A * K]. */
  logits: Tensor4D;
  /** [N, H, W, A * 4]. */
  deltas: Tensor4D;
};

const DEVIATION = 0.01;
const PRIOR = 0.01;
const BRANCHES = [['cls_convs', 'retina_cls'], ['reg_convs', 'retina_reg']] as const;

/** Registers all parameters under `bbox_head.`; `inputs` are the pyramid's channels. */
export function createHead(
  parameters: Parameters,
  config: HeadConfig,
  sizes: { inputs: number; classes: number; anchors: number },
  random: Random,
): void {
  const { convs, channels, norm } = config;
  for (const [tower] of BRANCHES)
    for (let i = 0; i < convs; i++) {
      const name = `bbox_head.${tower}.${i}`;
      const inputs = i === 0 ? sizes.inputs : channels;
      const bias = norm === 'none' ? { bias: 0 } : {};
      createConv(
        parameters,
        `${name}.conv`,
        { kernel: 3, inputs, outputs: channels, init: DEVIATION, ...bias },
        random,
      );
      createNorm(parameters, `${name}.${normName(norm)}`, channels, norm);
    }
  const last = { kernel: 3, inputs: convs === 0 ? sizes.inputs : channels, init: DEVIATION };
  const bias = -Math.log((1 - PRIOR) / PRIOR);
  createConv(parameters, 'bbox_head.retina_cls', { ...last, outputs: sizes.anchors * sizes.classes, bias }, random);
  createConv(parameters, 'bbox_head.retina_reg', { ...last, outputs: sizes.anchors * 4, bias: 0 }, random);
}

/** Predictions of every level of `pyramid`, in its order. */
export function head(
  parameters: Parameters,
  config: HeadConfig,
  pyramid: readonly Tensor4D[],
  training: boolean,
): HeadOutput[] {
  const branch = ([tower, last]: readonly [string, string]): Tensor4D[] => {
    let maps = pyramid;
    for (let i = 0; i < config.convs; i++) {
      const before = maps;
      maps = tf.tidy(() => towerLayer(parameters, `bbox_head.${tower}.${i}`, config.norm, before, training));
      if (i > 0) tf.dispose(before as Tensor4D[]);
    }
    return convLevels(parameters, `bbox_head.${last}`, maps, { activate: false });
  };
  const [logits, deltas] = BRANCHES.map((names) => tf.tidy(() => branch(names)));
  return pyramid.map((_, level) => ({ logits: logits[level], deltas: deltas[level] }));
}

/** A convolution, its norm and ReLU, on all levels. */
function towerLayer(
  parameters: Parameters,
  name: string,
  norm: Norm,
  maps: readonly Tensor4D[],
  training: boolean,
): Tensor4D[] {
  const convolved = convLevels(parameters, `${name}.conv`, maps, { activate: norm === 'none' });
  if (norm === 'none') return convolved;
  const options = { norm, training, activate: true };
  return convolved.map((x) => normalise(parameters, `${name}.${normName(norm)}`, x, options));
}
