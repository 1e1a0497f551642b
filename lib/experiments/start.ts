/** What training starts from in place of random weights: a file, or a published checkpoint. */
import * as path from 'node:path';
import { cocoCategoryNames } from '../coco/category-names';
import { createDetector, type DetectorConfig } from '../detection/families';
import type { Detector } from '../detection/detector';
import { readDetector, type PictureDetector } from '../distill/detector-file';
import { startFrom } from '../distill/start';
import type { CocoCategory } from '../coco/types';
import { publishedCheckpoints } from '../weights/checkpoints';
import { importWeights } from '../weights/import';
import { checkpointFile } from './checkpoint-file';
import type { ImportedTeacher } from './experiment';
import { experiments } from './rows/index';

/** The teacher of a row of COCO whose checkpoint bears this name; undefined where there is none. */
function ofRow(name: string): ImportedTeacher | undefined {
  const teachers = Object.values(experiments).map(({ teacher }) => teacher);
  return teachers.find((teacher): teacher is ImportedTeacher => 'checkpoint' in teacher && teacher.checkpoint === name);
}

/** The names of published detectors that a training may start from. */
export const startNames = (): string[] => publishedCheckpoints().map(({ name }) => name).filter((name) => ofRow(name));

/** The network that a start has, for `classes` of one's own; undefined where a file decides it. */
export function modelOfStart(start: string, classes: number): DetectorConfig | undefined {
  const row = ofRow(start);
  return row && { ...row.model, classes };
}

type Open = Pick<PictureDetector, 'detector' | 'categories'>;

async function openStart(start: string, root: string): Promise<Open & { file: string }> {
  const file = await checkpointFile(start, root);
  const row = ofRow(start);
  if (!row) return { ...(await readDetector(file)), file };
  const detector = createDetector(row.model);
  try {
    await importWeights(detector.parameters, file, { names: row.names });
    return { detector, file, categories: cocoCategoryNames.map((name, id) => ({ id, name })) };
  } catch (error) {
    detector.dispose();
    throw error;
  }
}

/**
 * Loads what a training starts from into a detector.
 * @returns what was taken, in words
 * @throws naming it, where its network is another one
 */
export async function beginWith(
  start: string,
  detector: Detector,
  categories: readonly CocoCategory[],
  root: string,
): Promise<string> {
  const from = await openStart(start, root);
  const place = path.relative(root, from.file);
  const name = place.startsWith('..') ? path.basename(from.file) : place;
  try {
    const kept = startFrom(detector, categories, from);
    const fresh = categories.length - kept.length;
    const rows = [kept.length > 0 && `${kept.join(', ')} known from there`, fresh > 0 && `${fresh} new to it`];
    return `starts from ${name}; of its categories ${rows.filter(Boolean).join(', ')}`;
  } catch (error) {
    throw new Error(`--start: ${name} does not fit: ${(error as Error).message}; --start random begins without it`);
  } finally {
    from.detector.dispose();
  }
}
