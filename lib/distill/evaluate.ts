/** A detector's COCO box AP on a data set. */
import { evaluateBoxes } from '../coco/evaluation';
import type { CocoDataset } from '../coco/dataset';
import type { Loader } from '../coco/loader';
import type { CocoDetection } from '../coco/types';
import { toCocoDetections } from '../coco/detections';
import type { Detector } from '../detection/detector';
import { tf } from '../tf';
import { alone, connect, gatherJson } from '../train/distributed/communicator';
import { throwIfStopped } from '../train/stop';

export interface DetectorScore {
  /** AP, AP50, AP75, APs, APm, APl, in percent; -1 where the data set has no such object. */
  metrics: Record<'AP' | 'AP50' | 'AP75' | 'APs' | 'APm' | 'APl', number>;
  /** pycocotools' twelve numbers, as fractions. */
  stats: number[];
  perCategory: { name: string; ap: number }[];
  detections: CocoDetection[];
}

/**
 * Detects on every picture and scores the boxes. Of several ranks each takes its part of the
 * batches, and all get the same score as one rank.
 * @param loader over `dataset` in order, not flipped, last batch kept
 * @param signal ends it after the batch under way; its reason is thrown
 */
export async function evaluateDetector(
  detector: Detector,
  dataset: CocoDataset,
  loader: Loader,
  onProgress?: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<DetectorScore> {
  const world = loader.shard.size > 1 ? await connect() : alone;
  const own: CocoDetection[][] = []; // by batch
  const rounds = Math.max(...gatherJson(world, loader.batchesPerEpoch)); // the last ranks may have one less
  for (let step = 0; step < rounds; step++) {
    throwIfStopped(signal, world);
    if (step >= loader.batchesPerEpoch) continue;
    const batch = await loader.batch(step);
    tf.tidy(() => {
      const found = detector.detect(detector.head(detector.pyramid(batch.images)), batch.origins);
      own.push(toCocoDetections(found, batch.origins, dataset.categories));
    });
    batch.images.dispose();
    onProgress?.(step + 1, loader.batchesPerEpoch);
  }
  const all = world.size > 1 ? gatherJson(world, own) : [own];
  // Rank r has the batches r, r + size, ...: back in order.
  const detections = all[0].flatMap((_, i) => all.flatMap((batches) => batches[i] ?? []));
  const { stats, perCategory } = evaluateBoxes(dataset.instances, detections);
  const percent = (value: number): number => (value < 0 ? -1 : 100 * value);
  const [AP, AP50, AP75, APs, APm, APl] = stats.slice(0, 6).map(percent);
  return {
    metrics: { AP, AP50, AP75, APs, APm, APl },
    stats: [...stats],
    perCategory: perCategory.map(({ name, ap }) => ({ name, ap: percent(ap) })),
    detections,
  };
}

/** Raised before any distillation when the teacher is not the one its card describes. */
export class TeacherMismatchError extends Error {}

/**
 * Compares a teacher's measured AP with the expected one: a wrong checkpoint or a wrong
 * preprocessing shows here, and not hours later as a student that gains nothing.
 * @param tolerance AP points that the two may differ
 */
export function checkTeacher(measured: number, expected: number, tolerance = 0.5): void {
  if (Math.abs(measured - expected) <= tolerance) return;
  throw new TeacherMismatchError(
    `the teacher reaches ${measured.toFixed(1)} AP where ${expected.toFixed(1)} is ` +
      `expected (tolerance ${tolerance}): check that the weights, ` +
      'the data set, its categories and the preprocessing are the ones of its ' +
      'card, or make the teacher again with --train-teacher',
  );
}
