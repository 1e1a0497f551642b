/**
 * COCO results files: a JSON array of detections, as pycocotools' `loadRes` and the evaluation
 * servers read it.
 */
import { writeAtomically } from '../core/atomic-file';
import { idOf, shown } from './forms';
import { readRows } from './json-lists';
import type { CocoDetection } from './types';

/** Detections turned into text at a time. */
const CHUNK = 10_000;

/**
 * Saves detections atomically, numbers exactly as they are, so that a saved and loaded list
 * evaluates to the same AP.
 * @throws naming the detection whose box or score is not made of finite numbers, which JSON cannot
 *   hold
 */
export async function saveResults(path: string, detections: readonly CocoDetection[]): Promise<void> {
  await writeAtomically(path, async (file) => {
    await file.write('[');
    for (let start = 0; start < detections.length; start += CHUNK) {
      const rows = detections
        .slice(start, start + CHUNK)
        .map((detection, i) => JSON.stringify(checkDetection(detection, `${path}: detection ${start + i}`)));
      await file.write((start > 0 ? ',\n' : '\n') + rows.join(',\n'));
    }
    await file.write('\n]\n');
  });
}

/**
 * The detections of a results file; ids may be written as text, and other fields of a row are
 * dropped.
 * @throws naming the file, and the place, or the row and field, that is wrong
 */
export async function loadResults(path: string): Promise<CocoDetection[]> {
  const detections: CocoDetection[] = [];
  const isList = readRows(path, (row) => {
    detections.push(checkDetection(row, `${path}: detection ${detections.length}`));
  });
  if (!isList)
    throw new Error(`${path}: not a COCO results file: an array of detections is expected; is this the ground truth?`);
  return detections;
}

function checkDetection(row: unknown, what: string): CocoDetection {
  if (typeof row !== 'object' || row === null)
    throw new Error(`${what}: ${shown(row)} in place of { image_id, category_id, bbox, score }`);
  const given = row as Partial<Record<keyof CocoDetection, unknown>>;
  const id = (field: 'image_id' | 'category_id'): number => {
    const value = idOf(given[field]);
    if (value === undefined)
      throw new Error(`${what}: ${field} is ${shown(given[field])}; an integer is expected`);
    return value;
  };
  const { bbox, score } = given;
  const [image_id, category_id] = [id('image_id'), id('category_id')];
  if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(Number.isFinite))
    throw new Error(`${what}: bbox is ${shown(bbox)}; [x, y, width, height] in finite numbers is expected`);
  if (!Number.isFinite(score)) throw new Error(`${what}: score is ${shown(score)}; a finite number is expected`);
  return { image_id, category_id, bbox: bbox as CocoDetection['bbox'], score: score as number };
}
