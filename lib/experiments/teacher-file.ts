/**
 * A teacher on disk: `NAME.safetensors` (weights in half precision) and `NAME.json`, the card that says how it was made
 * and which AP it must reach.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeAtomically } from '../atomic-file';
import type { Loader } from '../coco/loader';
import { RetinaNet, type RetinaNetConfig } from '../detection/retinanet';
import { pyramidDeviations } from '../distill/teacher';
import { readSafetensors, writeSafetensors } from '../weights/safetensors';
import type { StepRecord } from '../train/log';
import type { RunResult } from './results';

export interface TeacherCard extends Pick<RunResult, 'machine' | 'versions' | 'commit' | 'date' | 'command'> {
  experiment: string;
  /** Fingerprint of the validation annotations that `AP` was measured on. */
  data: string;
  AP: number;
  metrics: Record<string, number>;
  /** Standard deviation of each pyramid level on training pictures. */
  deviations: number[];
  config: unknown;
  millisecondsPerStep: number;
  curve: StepRecord[];
}

/** Loads a teacher's weights into a new detector; the caller disposes it. */
export async function readTeacher(file: string, model: RetinaNetConfig): Promise<{ detector: RetinaNet; card: TeacherCard }> {
  const card = JSON.parse(fs.readFileSync(`${file}.json`, 'utf8')) as TeacherCard;
  const detector = new RetinaNet(model);
  try {
    await loadWeights(detector, `${file}.safetensors`);
  } catch (error) {
    detector.dispose();
    throw new Error(`${file}.safetensors: ${(error as Error).message}; make the teacher again with --train-teacher`);
  }
  return { detector, card };
}

async function loadWeights(detector: RetinaNet, file: string): Promise<void> {
  const stored = await readSafetensors(file);
  detector.parameters.load(new Map([...stored].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }])));
}

/** Writes a detector's weights, in half precision, and gives back the detector that a reader will get, with its deviations. */
export async function adoptTeacher(trained: RetinaNet, loader: Loader, file: string): Promise<{ detector: RetinaNet; deviations: number[] }> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  await writeSafetensors(`${file}.safetensors`, trained.parameters.read(), { format: 'freekd' }, { half: true });
  const detector = new RetinaNet(trained.config);
  await loadWeights(detector, `${file}.safetensors`);
  return { detector, deviations: await pyramidDeviations(detector, loader) };
}

/** Writes the card: from now on the teacher counts as made. */
export async function saveTeacher(file: string, card: TeacherCard): Promise<void> {
  await writeAtomically(`${file}.json`, async (handle) => handle.writeFile(`${JSON.stringify(card, null, 1)}\n`));
}
