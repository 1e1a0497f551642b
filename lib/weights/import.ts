/**
 * Weights of other projects into our parameters: names mapped, filters turned, and everything that
 * does not fit listed.
 */
import type { ParameterEntry, Parameters } from '../kernels/parameters';
import { nameMaps, type NameMapName } from './names';
import { withSafetensors } from './safetensors';
import { withTorchCheckpoint } from './torch';
import type { StoredTensor, TensorData } from './typed-data';

export interface ImportReport {
  loaded: string[];
  /** Parameters of ours that the file does not have. */
  missing: string[];
  /** Names of the file that stand for a parameter which we do not have. */
  unexpected: string[];
  /** Parameters whose shape differs, with both shapes. */
  misshapen: string[];
}

export interface ImportOptions {
  /** Which project's names; see names.ts. */
  names: NameMapName;
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

/**
 * Loads a checkpoint of PyTorch, or a safetensors file with PyTorch's shapes, into `parameters`:
 * one tensor after the other, so that no more than one of them is in memory besides the parameters.
 * @param file ending in .safetensors, or anything that torch.save wrote
 * @throws listing what does not fit, unless `strict` is false; nothing is loaded then
 */
export async function importWeights(
  parameters: Parameters,
  file: string,
  { names, strict = true, optional = [] }: ImportOptions,
): Promise<ImportReport> {
  const ours = nameMaps[names];
  const open = file.endsWith('.safetensors') ? withSafetensors : withTorchCheckpoint;
  return open(file, async ({ shapes, read }) => {
    const given = new Map<string, string>(); // our name -> theirs
    const found = new Set<string>(); // parameters of ours that the file has, in whatever shape
    const report: ImportReport = { loaded: [], missing: [], unexpected: [], misshapen: [] };
    for (const [theirs, shape] of shapes) {
      const name = ours(theirs);
      if (name === undefined) continue;
      if (!parameters.has(name)) {
        report.unexpected.push(theirs);
        continue;
      }
      found.add(name);
      const [here, there] = [parameters.get(name).shape, turnedShape(shape)];
      if (here.join() === there.join()) given.set(name, theirs);
      else report.misshapen.push(`${theirs} (turned [${there}], ours [${here}])`);
    }
    report.loaded = [...given.keys()];
    report.missing = parameters
      .all()
      .map(({ name }) => name)
      .filter((name) => !found.has(name) && !optional.some((beginning) => name.startsWith(beginning)));
    if (strict) throwUnlessFits(file, names, report);
    for (const [name, theirs] of given)
      parameters.load(new Map([[name, turned(await read(theirs))]]), { strict: false });
    return report;
  });
}

function throwUnlessFits(file: string, names: string, { missing, unexpected, misshapen }: ImportReport): void {
  const list = (title: string, all: string[]): string[] =>
    all.length === 0 ? [] : [`${title} (${all.length}): ${all.slice(0, 8).join(', ')}${all.length > 8 ? ', ...' : ''}`];
  const problems = [
    ...list('missing', missing),
    ...list('unexpected', unexpected),
    ...list('of another shape', misshapen),
  ];
  if (problems.length > 0) throw new Error(`${file}: its weights do not fit, read as ${names}; ${problems.join('; ')}`);
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
