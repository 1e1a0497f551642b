/**
 * A teacher on disk: `NAME.safetensors` (weights in half precision), `NAME.json`, the card that
 * says how it was made and which AP it must reach, and `NAME.log.jsonl`, the log of the run that
 * made it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeAtomically } from '../core/atomic-file';
import type { Loader } from '../coco/loader';
import { createDetector, type DetectorConfig } from '../detection/families';
import type { Detector } from '../detection/detector';
import { detectorMetadata, type PictureDetector } from '../distill/detector-file';
import { pyramidDeviations } from '../distill/teacher';
import { sha256 } from '../train/checkpoint';
import { world } from '../train/distributed/communicator';
import { readSafetensors, writeSafetensors } from '../weights/safetensors';
import { curve, percent, provenance } from '../runs/result-schema';
import * as s from '../core/schema';
import { difference } from '../train/difference';
import type { StepRecord } from '../train/log';
import type { TeacherConfig } from './configs';
import type { HeldOutReport } from './held-out';
import type { RunResult } from '../runs/results';

export interface TeacherCard extends Pick<RunResult, 'machine' | 'versions' | 'commit' | 'date' | 'command'> {
  experiment: string;
  /** Fingerprint of the validation annotations that `AP` was measured on, and of their pictures. */
  data: string;
  pictures?: string;
  AP: number;
  metrics: Record<string, number>;
  /** Standard deviation of each pyramid level on training pictures. */
  deviations: number[];
  /** Everything that decided the weights; of the first teachers, how they were trained alone. */
  config: Partial<TeacherConfig>;
  millisecondsPerStep: number;
  /** Where a part of the training pictures chose among its weights. */
  heldOut?: HeldOutReport;
  curve: StepRecord[];
}

/** A teacher as it lies on disk; the caller disposes `detector`. */
export interface StoredTeacher {
  detector: Detector;
  card: TeacherCard;
  /** SHA-256 of the weights file: two teachers are the same when it is. */
  sha256: string;
}

/** Loads a teacher's weights into a new detector. */
export async function readTeacher(file: string, model: DetectorConfig): Promise<StoredTeacher> {
  const card = readCard(`${file}.json`);
  const detector = createDetector(model);
  try {
    await loadWeights(detector, `${file}.safetensors`);
    return { detector, card, sha256: await sha256(`${file}.safetensors`) };
  } catch (error) {
    detector.dispose();
    throw new Error(`${file}.safetensors: ${(error as Error).message}; make the teacher again with --train-teacher`);
  }
}

const cardSchema: s.Schema<TeacherCard> = s.openFields({
  experiment: s.text(),
  data: s.text(),
  pictures: s.optional(s.text()),
  AP: percent,
  metrics: s.record(percent),
  deviations: s.list(s.positive(1e9), 1, 16),
  config: s.openFields({}),
  millisecondsPerStep: s.real(0),
  heldOut: s.optional(
    s.fields({
      pictures: s.whole(1, 1e9),
      step: s.whole(0, 1e9),
      steps: s.whole(0, 1e9),
      AP: percent,
      loss: s.real(0),
      trainingLoss: s.real(0),
    }),
  ),
  curve,
  ...provenance,
});

/** @throws naming the file and the field, where it is no teacher's card */
export function readCard(file: string): TeacherCard {
  try {
    return s.checked(cardSchema, JSON.parse(fs.readFileSync(file, 'utf8')), '');
  } catch (error) {
    throw new Error(`${file} is no teacher's card (${(error as Error).message}): train it again with --train-teacher`);
  }
}

/**
 * In which field the teacher of a card is not the wanted one, in words.
 * @param shipped whether it was made elsewhere: then its pictures are its own, and what its card
 *   does not hold is taken for the same
 */
export function howItDiffers({ config }: TeacherCard, wanted: TeacherConfig, shipped: boolean): string | undefined {
  return difference(shipped ? { ...wanted, ...config, data: wanted.data } : config, wanted);
}

async function loadWeights(detector: Detector, file: string): Promise<void> {
  const stored = await readSafetensors(file);
  detector.parameters.load(
    new Map([...stored].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }])),
  );
}

/**
 * Writes a detector's weights, in half precision, and gives back the detector that a reader will
 * get, with its deviations. The card of an earlier teacher goes first, for it describes other
 * weights.
 */
export async function adoptTeacher(
  { detector: trained, ...input }: PictureDetector,
  loader: Loader,
  file: string,
  signal?: AbortSignal,
): Promise<{ detector: Detector; deviations: number[] }> {
  if (world().rank === 0) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.rmSync(`${file}.json`, { force: true });
    const metadata = detectorMetadata(trained, input);
    await writeSafetensors(`${file}.safetensors`, trained.parameters.read(), metadata, { half: true });
  }
  await world().barrier();
  const detector = createDetector(trained.config as DetectorConfig);
  await loadWeights(detector, `${file}.safetensors`);
  return { detector, deviations: await pyramidDeviations(detector, loader, signal) };
}

/** Writes the card, and beside it the log of the run: from now on the teacher counts as made. */
export async function saveTeacher(file: string, card: TeacherCard, runFolder: string): Promise<void> {
  if (world().rank === 0) {
    fs.copyFileSync(path.join(runFolder, 'log.jsonl'), `${file}.log.jsonl`);
    await writeAtomically(`${file}.json`, async (handle) => handle.writeFile(`${JSON.stringify(card, null, 1)}\n`));
  }
  await world().barrier();
}

/**
 * Copies a teacher's three files to where the repository keeps its own, the card last; gives back
 * their place.
 */
export function shipTeacher(from: string, to: string): string {
  for (const ending of ['safetensors', 'log.jsonl', 'json']) fs.copyFileSync(`${from}.${ending}`, `${to}.${ending}`);
  return to;
}
