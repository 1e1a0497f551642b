/**
 * The first stage of a detector in stages: the network that proposes regions, its losses over the
 * anchors that a step draws, and the regions that the next stage looks at.
 */
import type { Tensor4D } from '../../tf';
import type { Target } from '../../data/types';
import type { Parameters } from '../../core/parameters';
import type { Random } from '../../core/random';
import { type AnchorConfig, type AnchorGrid, AnchorGrids, anchorsPerCell } from '../anchors';
import { checkLevels, checkTargets } from '../checks';
import type { DetectionLosses, Extent, LossOptions, NetworkConfig } from '../detector';
import { type Choose, type Draw, drawer } from '../draw';
import { checkTarget } from '../target';
import { type ProposalConfig, proposalsOf } from './proposals';
import { createRpn, matchAnchors, rpn, rpnLosses, type RpnConfig, type RpnOutput } from './rpn';

export interface FirstStageConfig {
  anchors: AnchorConfig;
  rpn: RpnConfig;
  proposals: { training: ProposalConfig; test: ProposalConfig };
}

/** What the first stage gives, and the maps that the next cuts its regions from. */
export interface FirstStageOutput {
  pyramid: readonly Tensor4D[];
  rpn: RpnOutput[];
}

/** Of a batch that is learnt from. */
export interface FirstStageStep {
  losses: Record<'objectness' | 'proposal', DetectionLosses[string]>;
  /** [n * 4] of each picture, best first. */
  proposals: Float32Array[];
  /** What the next stage clips its boxes to and draws by. */
  extents: readonly Extent[];
  draw: Draw;
}

export class FirstStage {
  private readonly anchors: AnchorGrids;

  /**
   * Registers all parameters under `rpn_head.`.
   * @param choose in place of the draw by the seed of a step
   */
  constructor(
    private readonly parameters: Parameters,
    private readonly config: FirstStageConfig & Pick<NetworkConfig, 'classes' | 'neck'>,
    private readonly strides: readonly number[],
    random: Random,
    private readonly choose?: Choose,
  ) {
    this.anchors = new AnchorGrids(config.anchors, strides);
    const shape = { inputs: config.neck.channels, anchors: anchorsPerCell(config.anchors) };
    createRpn(parameters, config.rpn, shape, random);
  }

  outputs(pyramid: readonly Tensor4D[]): FirstStageOutput {
    checkLevels(pyramid, this.strides);
    return { pyramid, rpn: rpn(this.parameters, pyramid) };
  }

  /** Losses over anchors that are drawn by `seed`, and what the next stage learns from. */
  step(
    outputs: FirstStageOutput,
    targets: readonly Target[],
    { extents: given, seed = '' }: LossOptions,
  ): FirstStageStep {
    const { classes, rpn: config } = this.config;
    checkTargets(outputs.rpn[0].objectness, targets);
    targets.forEach((target, n) => checkTarget(target, n, classes));
    const extents = given ?? targets.map(() => this.input(outputs));
    const names = targets.map((_, n) => given?.[n].id ?? n);
    const draw = { choose: this.choose ?? drawer(seed), names };
    const grids = this.grids(outputs);
    const cells = this.anchors.cellsOf(grids, extents);
    const pictures = extents.map((extent, n) => ({ extent, cells: cells[n] }));
    const matches = matchAnchors(grids, targets, config, pictures, draw);
    const { objectness, box } = rpnLosses(outputs.rpn, matches, config);
    const { normalizer } = matches;
    return {
      losses: { objectness: { value: objectness, normalizer }, proposal: { value: box, normalizer } },
      proposals: this.proposals(outputs, extents, 'training'),
      extents,
      draw,
    };
  }

  /** [n * 4] boxes of each picture, best first, clipped to it. */
  proposals(outputs: FirstStageOutput, extents: readonly Extent[], use: 'training' | 'test'): Float32Array[] {
    return proposalsOf(outputs.rpn, this.grids(outputs), extents, this.config.proposals[use]);
  }

  private grids({ rpn: levels }: FirstStageOutput): AnchorGrid[] {
    return this.anchors.of(levels.map(({ objectness }) => objectness));
  }

  /** Size of the input, padding included. */
  private input({ pyramid }: FirstStageOutput): Extent {
    const [, height, width] = pyramid[0].shape;
    return { inputHeight: height * this.strides[0], inputWidth: width * this.strides[0] };
  }
}
