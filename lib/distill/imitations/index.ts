/** The distillation losses by name, and those that a student gets. */
import type { LossParts } from '../../train/loop';
import { cankd } from './cankd';
import { cwd } from './cwd';
import { featureMse } from './feature-mse';
import { fgd } from './fgd';
import { freekd } from './freekd';
import type { HeadReads, Imitation, ImitationContext, ImitationInput, ImitationKind } from './imitation';
import { mgd } from './mgd';
import { pkd } from './pkd';
import { released } from './released';

/** Every loss under the name of its settings; their order is that of a run's parts. */
const kinds = { mse: featureMse, freekd, released, cwd, mgd, pkd, fgd, cankd };

/** Which losses a student gets beside its task, with their settings. */
export type Distillation = {
  [Name in keyof typeof kinds]?: (typeof kinds)[Name] extends ImitationKind<infer Settings> ? Settings : never;
};

/** A loss that was asked for, whatever its settings are. */
interface Asked {
  name: string;
  weights: Record<string, number>;
  create(context: ImitationContext): Imitation;
}

function ask<Settings>(name: string, kind: ImitationKind<Settings>, settings: Settings | undefined): Asked[] {
  if (settings === undefined) return [];
  return [{ name, weights: kind.weights(settings), create: (context) => kind.create(settings, context) }];
}

/**
 * The losses with a weight above 0; with none a run is plain training, bit for bit.
 * @throws where a weight is negative or not finite, and for both profiles at once
 */
export function activeImitations(distillation: Distillation): Asked[] {
  const settings: Record<string, unknown> = distillation;
  const asked = Object.entries(kinds).flatMap(([name, kind]) =>
    ask(name, kind as ImitationKind<unknown>, settings[name]),
  );
  for (const { name, weights } of asked)
    for (const [field, weight] of Object.entries(weights))
      if (!(weight >= 0 && weight < Infinity))
        throw new Error(
          `distillation: the weight ${[name, field].filter(Boolean).join('.')} should be a number >= 0, is ${weight}`,
        );
  if (distillation.freekd && distillation.released)
    throw new Error("distillation: freekd is profile 'paper', released is profile 'released': choose one");
  return asked.filter(({ weights }) => Object.values(weights).some((weight) => weight > 0));
}

/** Imitations made for one run. */
export interface Imitations extends Required<HeadReads> {
  /** What is trained beside the student, by loss. */
  parameters: Record<string, NonNullable<Imitation['parameters']>>;
  /** The parts of all; one whose name is taken gets that of its loss before it. */
  losses(input: ImitationInput): LossParts;
  dispose(): void;
}

/** Makes the losses that `activeImitations` gave. */
export function createImitations(asked: readonly Asked[], context: ImitationContext): Imitations {
  const made: { name: string; imitation: Imitation }[] = [];
  const dispose = (): void => made.forEach(({ imitation }) => imitation.dispose());
  try {
    for (const { name, create } of asked) made.push({ name, imitation: create(context) });
  } catch (error) {
    dispose();
    throw error;
  }
  const parameters: Imitations['parameters'] = {};
  for (const { name, imitation } of made)
    if (imitation.parameters && !Object.values(parameters).includes(imitation.parameters))
      parameters[name] = imitation.parameters; // projections that were given are shared
  return {
    parameters,
    readsHead: made.some(({ imitation }) => imitation.readsHead),
    readsOutputs: made.some(({ imitation }) => imitation.readsOutputs),
    dispose,
    losses(input) {
      const parts: LossParts = {};
      for (const { name, imitation } of made)
        for (const [part, loss] of Object.entries(imitation.losses(input)))
          parts[part in parts ? `${name}.${part}` : part] = loss;
      return parts;
    },
  };
}
