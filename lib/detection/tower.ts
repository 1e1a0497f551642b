/**
 * The towers of a head: 3x3 convolutions, each with its norm and a ReLU, shared by all pyramid
 * levels. What comes after them is a family's own.
 */
import { tf, type Tensor4D } from '../tf';
import { type Parameters } from '../core/parameters';
import { type Random } from '../core/random';
import { convLevels, createConv, createNorm, type Norm, normalise, normName } from './layers';

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

/** A tower's layers on all levels and what `last` makes of them; nothing between is left. */
export function tower(
  parameters: Parameters,
  name: string,
  { convs, norm }: TowerConfig,
  pyramid: readonly Tensor4D[],
  training: boolean,
  last: (maps: readonly Tensor4D[]) => Tensor4D[],
): Tensor4D[] {
  return tf.tidy(() => {
    let maps = pyramid;
    for (let i = 0; i < convs; i++) {
      const before = maps;
      maps = tf.tidy(() => {
        const convolved = convLevels(parameters, `${name}.${i}.conv`, before, { activate: norm === 'none' });
        if (norm === 'none') return convolved;
        const options = { norm, training, activate: true };
        return convolved.map((x) => normalise(parameters, `${name}.${i}.${normName(norm)}`, x, options));
      });
      if (i > 0) tf.dispose(before as Tensor4D[]);
    }
    return last(maps);
  });
}
