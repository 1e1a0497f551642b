/** The distillation losses by name, and those that a student gets. */
import { unknownField } from '../../core/schema';
import type { LossParts } from '../../train/step';
import { cankd } from './cankd';
import { crosskd } from './crosskd';
import { cwd } from './cwd';
import { featureMse } from './feature-mse';
import { fgd } from './fgd';
import { freekd } from './freekd';
import type { HeadReads, Imitation, ImitationContext, ImitationInput, ImitationKind } from './imitation';
import { maskd } from './maskd';
import { mgd } from './mgd';
import { createOwn, type OwnImitation } from './own';
import { pkd } from './pkd';
import { released } from './released';

/** Every loss under the name of its settings; their order is that of a run's parts. */
const kinds = { mse: featureMse, freekd, released, cwd, mgd, pkd, fgd, cankd, maskd, crosskd };

/** Which losses a student gets beside its task, with their settings. */
export type Distillation = {
  [Name in keyof typeof kinds]?: (typeof kinds)[Name] extends ImitationKind<infer Settings> ? Settings : never;
} & { own?: OwnImitation };

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

/** @throws where a loss is none of those here: a sentence after `where`, with the nearest name */
export function checkLossNames(losses: object, where: string): void {
  for (const name of Object.keys(losses))
    if (!Object.hasOwn(kinds, name)) throw new Error(`${where}: ${unknownField(name, Object.keys(kinds))}`);
}

/**
 * The losses with a weight above 0 and that of one's own; with none a run is plain training, bit
 * for bit.
 * @throws for an unknown loss, a weight that is negative or not finite, and both profiles at once
 */
export function activeImitations({ own, ...losses }: Distillation): Asked[] {
  checkLossNames(losses, 'distillation');
  const settings: Record<string, unknown> = losses;
  const asked = Object.entries(kinds).flatMap(([name, kind]) =>
    ask(name, kind as ImitationKind<unknown>, settings[name]),
  );
  for (const { name, weights } of asked)
    for (const [field, weight] of Object.entries(weights))
      if (!(weight >= 0 && weight < Infinity))
        throw new Error(
          `distillation: the weight ${[name, field].filter(Boolean).join('.')} should be a number >= 0, is ${weight}`,
        );
  if (losses.freekd && losses.released)
    throw new Error("distillation: freekd is profile 'paper', released is profile 'released': choose one");
  const active = asked.filter(({ weights }) => Object.values(weights).some((weight) => weight > 0));
  const create = own?.create;
  if (!own || !create) return active;
  return [...active, { name: 'own', weights: {}, create: (context) => createOwn({ ...own, create }, context) }];
}

/** Imitations made for one run. */
export interface Imitations extends Required<Omit<HeadReads, 'keepsAfter'>>, Pick<HeadReads, 'keepsAfter'> {
  /** What is trained beside the student, by loss. */
  parameters: Record<string, NonNullable<Imitation['parameters']>>;
  /** Names of those that take statistics over the pictures of a batch. */
  takeStatistics: string[];
  /**
   * The parts of all; one whose name is taken gets that of its loss before it.
   * @param taken names that others have
   */
  losses(input: ImitationInput, taken?: readonly string[]): LossParts;
  dispose(): void;
}

/**
 * @throws where two losses ask for maps of the student's towers after another number of
 * convolutions
 */
function checkCuts(imitations: readonly Imitation[]): void {
  const cuts = new Set(imitations.flatMap(({ keepsAfter }) => keepsAfter ?? []));
  if (cuts.size > 1)
    throw new Error(
      `distillation: a student's towers are cut once, but losses ask for it after ${[...cuts].join(' and ')}`,
    );
}

/** Makes the losses that `activeImitations` gave. */
export function createImitations(asked: readonly Asked[], context: ImitationContext): Imitations {
  const made: { name: string; imitation: Imitation }[] = [];
  const dispose = (): void => made.forEach(({ imitation }) => imitation.dispose?.());
  try {
    for (const { name, create } of asked) made.push({ name, imitation: create(context) });
    checkCuts(made.map(({ imitation }) => imitation));
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
    takeStatistics: made.filter(({ imitation }) => imitation.takesStatistics).map(({ name }) => name),
    readsHead: made.some(({ imitation }) => imitation.readsHead),
    readsOutputs: made.some(({ imitation }) => imitation.readsOutputs),
    keepsAfter: made.find(({ imitation }) => imitation.keepsAfter !== undefined)?.imitation.keepsAfter,
    dispose,
    losses(input, taken = []) {
      const parts: LossParts = {};
      for (const { name, imitation } of made)
        for (const [part, loss] of Object.entries(imitation.losses(input)))
          parts[part in parts || taken.includes(part) ? `${name}.${part}` : part] = loss;
      return parts;
    },
  };
}
