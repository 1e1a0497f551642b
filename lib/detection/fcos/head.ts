/**
 * FCOS's head (Tian et al., arXiv 1904.01355): two towers of 3x3 convolutions shared by all pyramid
 * levels, for class logits and for the distances to a box's four sides; the centerness is read from
 * one of them. Each level scales its distances by a number of its own.
 */
import { tf, type Scalar, type Tensor4D } from '../../tf';
import { relu } from '../../kernels/activation';
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

export interface FcosHeadConfig extends TowerConfig {
  /** The tower that the centerness is read from. */
  centernessOn: 'classification' | 'regression';
  /**
   * 'exp': a distance in pixels is exp(scale x). 'stride': it is relu(scale x) times the level's
   * stride (mmdet's `norm_on_bbox`).
   */
  distance: 'exp' | 'stride';
  /** Whether each level scales its distances by a learned number. Default true. */
  scales?: boolean;
}

/** One pyramid level's predictions of K classes. */
export type FcosOutput = {
  /** [N, H, W, K]. */
  logits: Tensor4D;
  /** [N, H, W, 4] left, top, right, bottom: in pixels, or in strides where the config says so. */
  distances: Tensor4D;
  /** [N, H, W, 1] logits. */
  centerness: Tensor4D;
} & KeptMaps;

/** Registers all parameters under `bbox_head.`; `inputs` are the pyramid's channels. */
export function createFcosHead(
  parameters: Parameters,
  config: FcosHeadConfig,
  { inputs, classes, levels }: { inputs: number; classes: number; levels: number },
  random: Random,
): void {
  for (const name of ['cls_convs', 'reg_convs'])
    createTower(parameters, `bbox_head.${name}`, config, inputs, random);
  const { convs, channels, scales = true } = config;
  const last = { kernel: 3, inputs: convs === 0 ? inputs : channels, init: DEVIATION };
  createConv(parameters, 'bbox_head.conv_cls', { ...last, outputs: classes, bias: CLASS_BIAS }, random);
  createConv(parameters, 'bbox_head.conv_reg', { ...last, outputs: 4, bias: 0 }, random);
  createConv(parameters, 'bbox_head.conv_centerness', { ...last, outputs: 1, bias: 0 }, random);
  for (let level = 0; scales && level < levels; level++)
    parameters.create(`bbox_head.scales.${level}.scale`, [], 1, 'weight');
}

/**
 * Predictions of every level, in their order.
 * @param inputs the maps of each level that the towers of classes and of boxes begin with
 */
export function fcosHead(
  parameters: Parameters,
  config: FcosHeadConfig,
  inputs: readonly [readonly Tensor4D[], readonly Tensor4D[]],
  run: TowerRun,
): FcosOutput[] {
  const { centernessOn, distance, scales = true } = config;
  const output = (name: string, maps: readonly Tensor4D[]): Tensor4D[] =>
    convLevels(parameters, `bbox_head.${name}`, maps, { activate: false });
  const last = (branch: 'classification' | 'regression', name: string) => (maps: readonly Tensor4D[]) => [
    ...output(name, maps),
    ...(centernessOn === branch ? output('conv_centerness', maps) : []),
  ];
  const branch = (name: string, maps: readonly Tensor4D[], outputs: ReturnType<typeof last>) =>
    tower(parameters, `bbox_head.${name}`, config, maps, run, outputs);
  const classes = branch('cls_convs', inputs[0], last('classification', 'conv_cls'));
  const boxes = branch('reg_convs', inputs[1], last('regression', 'conv_reg'));
  const [ofClasses, ofBoxes] = [classes.outputs, boxes.outputs];
  const levels = inputs[0].length;
  return inputs[0].map((_, level) => {
    const distances = tf.tidy(() => {
      const scaled = scales ? (tf.mul(ofBoxes[level], scaleOf(parameters, level)) as Tensor4D) : ofBoxes[level];
      return distance === 'exp' ? (tf.exp(scaled) as Tensor4D) : relu(scaled);
    });
    ofBoxes[level].dispose();
    const centerness = (centernessOn === 'classification' ? ofClasses : ofBoxes)[levels + level];
    return { logits: ofClasses[level], distances, centerness, ...keptAt(level, classes, boxes) };
  });
}

const scaleOf = (parameters: Parameters, level: number): Scalar =>
  parameters.get(`bbox_head.scales.${level}.scale`).value as Scalar;
