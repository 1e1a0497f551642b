/**
 * COCO results files: a JSON array of detections, as pycocotools' `loadRes` and the evaluation
 * servers read it.
 */
import { readFile } from 'node:fs/promises';
import { writeAtomically } from '../atomic-file';
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
      const rows = detections.slice(start, start + CHUNK).map((detection, i) => {
        checkDetection(detection, `${path}: detection ${start + i}`);
        const { image_id, category_id, bbox, score } = detection;
        return JSON.stringify({ image_id, category_id, bbox, score });
      });
      await file.write((start > 0 ? ',\n' : '\n') + rows.join(',\n'));
    }
    await file.write('\n]\n');
  });
}

/**
 * The detections of a results file; other fields of a row are dropped.
 * @throws naming the file, and the row and field that are wrong
 */
export async function loadResults(path: string): Promise<CocoDetection[]> {
  let rows: unknown;
  try {
    rows = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path}: cannot be read as a COCO results file: ${(error as Error).message}`);
  }
  if (!Array.isArray(rows))
    throw new Error(`${path}: not a COCO results file: an array of detections is expected; is this the ground truth?`);
  return rows.map((row, i) => {
    checkDetection(row, `${path}: detection ${i}`);
    const { image_id, category_id, bbox, score } = row;
    return { image_id, category_id, bbox, score };
  });
}

function checkDetection(row: unknown, what: string): asserts row is CocoDetection {
  if (typeof row !== 'object' || row === null)
    throw new Error(`${what}: ${JSON.stringify(row)} in place of { image_id, category_id, bbox, score }`);
  const { image_id, category_id, bbox, score } = row as Partial<Record<keyof CocoDetection, unknown>>;
  for (const [field, value] of Object.entries({ image_id, category_id })) {
    if (!Number.isSafeInteger(value))
      throw new Error(`${what}: ${field} is ${JSON.stringify(value)}; an integer is expected`);
  }
  if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(Number.isFinite)) {
    throw new Error(`${what}: bbox is ${JSON.stringify(bbox)}; [x, y, width, height] in finite numbers is expected`);
  }
  if (!Number.isFinite(score)) throw new Error(`${what}: score is ${String(score)}; a finite number is expected`);
}
