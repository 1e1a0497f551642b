/**
 * RetinaNet's head (Lin et al., arXiv 1708.02002): two towers of 3x3 convolutions shared by all
 * pyramid levels, one for class logits, one for box deltas. The classification bias starts where
 * every anchor's score is 0.01.
 */
import { type Tensor4D } from '../../tf';
import { type Parameters } from '../../core/parameters';
import { type Random } from '../../core/random';
import { convLevels, createConv } from '../../backbone/layers';
import {
  CLASS_BIAS,
  createTower,
  DEVIATION,
  keptAt,
  type KeptMaps,
  tower,
  type TowerConfig,
  type TowerRun,
} from '../tower';

export type HeadConfig = Omit<TowerConfig, 'convBias'>;

/**
 * One pyramid level's predictions; A anchors a position, K classes, anchor by anchor in the last
 * axis.
 */
export type HeadOutput = {
  /** [N, H, W, A * K]. */
  logits: Tensor4D;
  /** [N, H, W, A * 4]. */
  deltas: Tensor4D;
} & KeptMaps;

const BRANCHES = [['cls_convs', 'retina_cls'], ['reg_convs', 'retina_reg']] as const;

/** Registers all parameters under `bbox_head.`; `inputs` are the pyramid's channels. */
export function createHead(
  parameters: Parameters,
  config: HeadConfig,
  sizes: { inputs: number; classes: number; anchors: number },
  random: Random,
): void {
  for (const [name] of BRANCHES) createTower(parameters, `bbox_head.${name}`, config, sizes.inputs, random);
  const { convs, channels } = config;
  const last = { kernel: 3, inputs: convs === 0 ? sizes.inputs : channels, init: DEVIATION };
  const logits = { outputs: sizes.anchors * sizes.classes, bias: CLASS_BIAS };
  createConv(parameters, 'bbox_head.retina_cls', { ...last, ...logits }, random);
  createConv(parameters, 'bbox_head.retina_reg', { ...last, outputs: sizes.anchors * 4, bias: 0 }, random);
}

/**
 * Predictions of every level, in their order.
 * @param inputs the maps of each level that the towers of classes and of boxes begin with
 */
export function head(
  parameters: Parameters,
  config: HeadConfig,
  inputs: readonly [readonly Tensor4D[], readonly Tensor4D[]],
  run: TowerRun,
): HeadOutput[] {
  const [classes, boxes] = BRANCHES.map(([name, last], i) =>
    tower(parameters, `bbox_head.${name}`, config, inputs[i], run, (maps) =>
      convLevels(parameters, `bbox_head.${last}`, maps, { activate: false }),
    ),
  );
  return classes.outputs.map((logits, level) => ({
    logits,
    deltas: boxes.outputs[level],
    ...keptAt(level, classes, boxes),
  }));
}
