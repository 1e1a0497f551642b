/**
 * Weights of other projects into our parameters: names mapped, filters turned, and everything that
 * does not fit listed.
 */
import type { ParameterEntry, Parameters } from '../core/parameters';
import { isCounter, nameMaps, type NameMap, type NameMapName } from './names';
import { nearest } from './nearest';
import { bestReading, type Reading } from './prefix';
import { inRows, shapeInRows } from './rows';
import { withSafetensors } from './safetensors';
import { withTorchCheckpoint } from './torch';
import type { StoredTensor, TensorData } from './typed-data';

export interface ImportReport {
  /** What stands before the names that were taken: "" or, for one, "state_dict.module.". */
  prefix: string;
  /** As which project's names they were read; "freekd" where they are our own. */
  names: NameMapName | 'freekd';
  loaded: string[];
  /** Parameters of ours that the file does not have. */
  missing: string[];
  /** Names of the file that stand for a parameter which we do not have. */
  unexpected: string[];
  /** Parameters whose shape differs, with both shapes. */
  misshapen: string[];
  /** Names below the prefix that stand for nothing a model of ours has: a mask head. */
  left: string[];
}

export interface ImportOptions {
  /**
   * Which project's names; see names.ts. Default: those that fit. Our own, as `exportWeights` gives
   * them, are read in either case.
   */
  names?: NameMapName;
  /**
   * Only names that begin so are looked at: "ema_state_dict." for an average of the weights, which
   * is not taken otherwise where the plain weights lie beside it. Default: all.
   */
  prefix?: string;
  /** Whether anything missing, unexpected or misshapen is an error. Default true. */
  strict?: boolean;
  /**
   * Which of our parameters may be missing, by the beginning of their names: the head, where a file
   * is of a backbone.
   */
  optional?: readonly string[];
}

/** [a, b, c] -> [c, b, a], which is its own inverse. */
function reversedAxes(data: Float32Array, [a, b, c]: readonly [number, number, number]): Float32Array {
  const result = new Float32Array(data.length);
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let k = 0; k < c; k++) result[(k * b + j) * a + i] = data[(i * b + j) * c + k];
  return result;
}

/**
 * The shape of PyTorch's filter [out, in, height, width] as [height, width, in, out]; of all else
 * as it is.
 */
const turnedShape = (shape: number[]): number[] =>
  shape.length === 4 ? [shape[2], shape[3], shape[1], shape[0]] : shape;

/**
 * The shape of theirs that `ours` stands for: a matrix [out, in height width] of theirs may be a
 * filter of ours that sees all of a region.
 */
function shapeBeside(ours: number[] | undefined, theirs: number[]): number[] {
  if (ours?.length !== 4 || theirs.length !== 2) return theirs;
  const [height, width, inputs, outputs] = ours;
  return theirs[0] === outputs && theirs[1] === inputs * height * width ? [outputs, inputs, height, width] : theirs;
}

/** A filter's values in the order of its turned shape; those of all else as they are. */
function turned({ shape, data }: StoredTensor): ParameterEntry {
  const values =
    data instanceof Float32Array
      ? data
      : Float32Array.from(data as Exclude<TensorData, BigInt64Array | BigUint64Array>, Number);
  if (shape.length !== 4) return { shape, data: values };
  const [outputs, inputs, height, width] = shape;
  return { shape: turnedShape(shape), data: reversedAxes(values, [outputs, inputs, height * width]) };
}

/** The inverse of `turned`. */
function turnedBack({ shape, data }: ParameterEntry): ParameterEntry {
  if (shape.length !== 4) return { shape, data };
  const [height, width, inputs, outputs] = shape;
  return { shape: [outputs, inputs, height, width], data: reversedAxes(data, [height * width, inputs, outputs]) };
}

/** Our own names: whatever begins as one of our parameters does. */
function ownNames(parameters: Parameters): NameMap {
  const beginnings = new Set(parameters.all().map(({ name }) => name.split('.', 1)[0]));
  return (name) =>
    beginnings.has(name.split('.', 1)[0]) && !isCounter(name) ? name : undefined;
}

/**
 * Loads a checkpoint of PyTorch, or a safetensors file with PyTorch's shapes, into `parameters`:
 * one tensor after the other, so that no more than one of them is in memory besides the parameters.
 * What stands before the model's names in the file is found, and reported.
 * @param file ending in .safetensors, or anything that torch.save wrote
 * @throws listing what does not fit beside what the file has, unless `strict` is false; nothing is
 *   loaded then
 */
export async function importWeights(
  parameters: Parameters,
  file: string,
  { names, prefix: wanted = '', strict = true, optional = [] }: ImportOptions = {},
): Promise<ImportReport> {
  const kinds: ImportReport['names'][] = [...(names ? [names] : (Object.keys(nameMaps) as NameMapName[])), 'freekd'];
  const maps = kinds.map((kind) => (kind === 'freekd' ? ownNames(parameters) : nameMaps[kind]));
  const open = file.endsWith('.safetensors') ? withSafetensors : withTorchCheckpoint;
  return open<ImportReport>(file, async ({ shapes, read }) => {
    const candidates = [...shapes.keys()].filter((name) => name.startsWith(wanted));
    const theirShape = (theirs: string): number[] => shapeInRows(theirs, shapes.get(theirs)!);
    const shapeOf = (theirs: string): number[] => turnedShape(theirShape(theirs));
    const fits = (ours: string, theirs: string): boolean | undefined => {
      if (!parameters.has(ours)) return undefined;
      const { shape } = parameters.get(ours);
      return turnedShape(shapeBeside(shape, theirShape(theirs))).join() === shape.join();
    };
    // Our own names come last: a backbone that is asked for is taken even out of a detector of ours.
    let reading = bestReading(candidates, maps.slice(0, -1), fits);
    let report = reportOf(parameters, reading, optional, fits, shapeOf);
    if (report.missing.length > 0) {
      reading = bestReading(candidates, maps, fits);
      report = reportOf(parameters, reading, optional, fits, shapeOf);
    }
    const kind = kinds[reading.map];
    if (strict) throwUnlessFits(file, kind, report, reading, candidates);
    for (const name of report.loaded) {
      const theirs = reading.given.get(name)!;
      const tensor = inRows(theirs, await read(theirs));
      if (/^C\d/.test(tensor.dtype)) throw new Error(`${file}: tensor "${theirs}" is complex; weights are real`);
      const shape = shapeBeside(parameters.get(name).shape, tensor.shape);
      parameters.load(new Map([[name, turned({ ...tensor, shape })]]), { strict: false });
    }
    const { prefix } = reading;
    const below = candidates.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    const left = below.filter((name) => maps[reading.map](name) === undefined && !isCounter(name));
    return { ...report, prefix, left, names: kind };
  });
}

type Fit = Pick<ImportReport, 'loaded' | 'missing' | 'unexpected' | 'misshapen'>;

function reportOf(
  parameters: Parameters,
  { given, unexpected }: Reading,
  optional: readonly string[],
  fits: (ours: string, theirs: string) => boolean | undefined,
  shapeOf: (theirs: string) => number[],
): Fit {
  const taken = [...given];
  return {
    loaded: taken.filter(([ours, theirs]) => fits(ours, theirs)).map(([ours]) => ours),
    missing: parameters
      .all()
      .map(({ name }) => name)
      .filter((name) => !given.has(name) && !optional.some((beginning) => name.startsWith(beginning))),
    unexpected,
    misshapen: taken
      .filter(([ours, theirs]) => !fits(ours, theirs))
      .map(([ours, theirs]) => `${theirs} (turned [${shapeOf(theirs)}], ours [${parameters.get(ours).shape}])`),
  };
}

/** Names that an error shows of each kind, and of which the nearest is looked for. */
const SHOWN = 8;
const LOOKED_THROUGH = 5000;

const list = (all: readonly string[]): string =>
  `${all.slice(0, SHOWN).join(', ')}${all.length > SHOWN ? ', ...' : ''}`;

function throwUnlessFits(
  file: string,
  names: string,
  { missing, unexpected, misshapen }: Fit,
  { prefix, given }: Reading,
  candidates: readonly string[],
): void {
  const problems = Object.entries({ missing, unexpected, 'of another shape': misshapen })
    .filter(([, all]) => all.length > 0)
    .map(([title, all]) => `${title} (${all.length}): ${list(all)}`);
  if (problems.length === 0) return;
  const taken = new Set(given.values());
  const left = candidates.filter((name) => !taken.has(name)).slice(0, LOOKED_THROUGH);
  const near = missing.slice(0, SHOWN).flatMap((name) => {
    const found = nearest(name, left);
    return found === undefined ? [] : [`${found} to ${name}`];
  });
  if (near.length > 0) problems.push(`of the ${left.length} others in the file, nearest are ${near.join(', ')}`);
  else if (missing.length > 0) problems.push('the file holds no other tensors');
  const below = prefix && ` below "${prefix}"`;
  throw new Error(`${file}: its weights do not fit, read as ${names}${below}; ${problems.join('; ')}`);
}

/**
 * Our parameters with the shapes of PyTorch, to be written as safetensors that Python loads by
 * mmdetection's names.
 */
export function exportWeights(parameters: Parameters): Map<string, ParameterEntry> {
  return new Map(
    parameters.all().map(({ name, shape, variable }) => [name, turnedBack({ shape, data: variable.read() })]),
  );
}
