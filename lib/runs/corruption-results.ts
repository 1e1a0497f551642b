/**
 * What `npm run reproduce -- --corruptions` keeps: a JSON file a detector, below `corruptions/` of
 * the run's results.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeAtomically } from '../core/atomic-file';
import type { CorruptedAP } from '../coco/robustness';
import { checked } from '../core/schema';
import { compareVariants } from './looks';
import type { RunResult } from './results';
import { corruptionSchema } from './result-schema';

export interface CorruptionResult extends Pick<
  RunResult,
  'experiment' | 'data' | 'look' | 'machine' | 'versions' | 'commit' | 'date' | 'command'
> {
  format: 1;
  /** A variant, or 'teacher'. */
  detector: string;
  /** Of the student's training. */
  seed?: number;
  /** How many validation pictures, the first of the split. */
  pictures: number;
  /** Whose frost was laid over them: our own panes make its values incomparable with published ones. */
  frost: 'own panes' | 'photographs of imagecorruptions';
  /**
   * Of weights, pictures, input size and the seed of the corruptions: measurements are kept while
   * it is the same.
   */
  fingerprint: string;
  /** AP of the pictures as they are, percent. */
  clean: number;
  /** Percent, in the order in which they were measured. */
  measured: CorruptedAP[];
}

export function corruptionFile(folder: string, detector: CorruptionResult['detector'], seed?: number): string {
  return path.join(folder, 'corruptions', `${detector}${seed === undefined ? '' : `-seed${seed}`}.json`);
}

export async function saveCorruptions(folder: string, result: CorruptionResult): Promise<void> {
  const file = corruptionFile(folder, result.detector, result.seed);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  await writeAtomically(file, async (handle) => handle.writeFile(`${JSON.stringify(result, null, 1)}\n`));
}

/**
 * One detector's file; undefined where there is none yet.
 * @throws naming the file when it is no such result
 */
export function readCorruptions(file: string): CorruptionResult | undefined {
  if (!fs.existsSync(file)) return undefined;
  try {
    return checked(corruptionSchema, JSON.parse(fs.readFileSync(file, 'utf8')), '');
  } catch (error) {
    throw new Error(
      `${file} is not a result under corruptions (${(error as Error).message}): remove it and measure again`,
    );
  }
}

/** All detectors of a run's folder: the teacher, then by variant and seed. */
export function readAllCorruptions(folder: string): CorruptionResult[] {
  const below = path.join(folder, 'corruptions');
  if (!fs.existsSync(below)) return [];
  const isStudent = ({ detector }: CorruptionResult): number => Number(detector !== 'teacher');
  const results = fs
    .readdirSync(below)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => readCorruptions(path.join(below, name)) ?? []);
  return results.sort(
    (a, b) =>
      isStudent(a) - isStudent(b) || compareVariants(a.detector, b.detector) || (a.seed ?? 0) - (b.seed ?? 0),
  );
}
