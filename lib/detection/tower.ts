/**
 * The towers of a head: 3x3 convolutions, each with its norm and a ReLU, shared by all pyramid
 * levels. What comes after them is a family's own.
 */
import { tf, type Tensor4D } from '../tf';
import { type Parameters } from '../core/parameters';
import { type Random } from '../core/random';
import { convLevels, createConv, createNorm, type Norm, normalise, normName } from '../backbone/layers';

export interface TowerConfig {
  /** Convolutions of each tower. */
  convs: number;
  channels: number;
  norm: Norm;
  /** Whether its convolutions have a bias beside their norm; without a norm they have one. Default false. */
  convBias?: boolean;
}

/** The deviation from which a head's filters start. */
export const DEVIATION = 0.01;
/** The bias of class logits with which every score starts at 0.01. */
export const CLASS_BIAS = -Math.log((1 - 0.01) / 0.01);

/** Registers the parameters of a tower `name`; `inputs` are the pyramid's channels. */
export function createTower(
  parameters: Parameters,
  name: string,
  { convs, channels, norm, convBias = false }: TowerConfig,
  inputs: number,
  random: Random,
): void {
  for (let i = 0; i < convs; i++) {
    const layer = `${name}.${i}`;
    const shape = { kernel: 3, inputs: i === 0 ? inputs : channels, outputs: channels, init: DEVIATION };
    createConv(parameters, `${layer}.conv`, { ...shape, ...((convBias || norm === 'none') && { bias: 0 }) }, random);
    createNorm(parameters, `${layer}.${normName(norm)}`, channels, norm);
  }
}

/** How a tower runs. */
export interface TowerRun {
  training: boolean;
  /** Convolutions that the maps have been through. Default 0. */
  from?: number;
  /** After how many convolutions the maps are kept. Default: nowhere. */
  keepAfter?: number;
}

/** What a level's outputs have beside the predictions: the maps of both towers, classes first. */
export type KeptMaps = {
  /** [N, H, W, C], where a head was to keep them. */
  kept?: [Tensor4D, Tensor4D];
};

/** What a tower has made. */
type TowerOutput = {
  outputs: Tensor4D[];
  /** Maps of each level, or none. */
  kept: Tensor4D[];
};

/** What a level's outputs have of the maps that were kept. */
export const keptAt = (level: number, { kept: classes }: TowerOutput, { kept: boxes }: TowerOutput): KeptMaps =>
  classes.length === 0 ? {} : { kept: [classes[level], boxes[level]] };

/** The maps of both towers of all levels, classes first. */
export function keptMaps(outputs: readonly KeptMaps[]): [Tensor4D[], Tensor4D[]] {
  const levels = outputs.map(({ kept }) => {
    if (!kept) throw new Error('the head has kept no maps of its towers: run it with keepAfter');
    return kept;
  });
  return [levels.map(([classes]) => classes), levels.map(([, boxes]) => boxes)];
}

/**
 * A tower's layers on all levels and what `last` makes of them; nothing between is left but the maps
 * to be kept.
 */
export function tower(
  parameters: Parameters,
  name: string,
  { convs, norm }: TowerConfig,
  pyramid: readonly Tensor4D[],
  { training, from = 0, keepAfter }: TowerRun,
  last: (maps: readonly Tensor4D[]) => Tensor4D[],
): TowerOutput {
  return tf.tidy(() => {
    let maps = pyramid;
    const kept: Tensor4D[] = keepAfter === from ? [...pyramid] : [];
    for (let i = from; i < convs; i++) {
      const before = maps;
      maps = tf.tidy(() => {
        const convolved = convLevels(parameters, `${name}.${i}.conv`, before, { activate: norm === 'none' });
        if (norm === 'none') return convolved;
        const options = { norm, training, activate: true };
        return convolved.map((x) => normalise(parameters, `${name}.${i}.${normName(norm)}`, x, options));
      });
      if (i > from && i !== keepAfter) tf.dispose(before as Tensor4D[]);
      if (i + 1 === keepAfter) kept.push(...maps);
    }
    return { outputs: last(maps), kept };
  });
}
