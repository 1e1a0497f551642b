/**
 * The teacher's pyramids of a fixed picture set, both flips, computed once: with flipping as the only augmentation a
 * picture has two pyramids, and the teacher's forward pass need not be repeated in every epoch.
 *
 * Pictures are always computed in the order of the data set, in batches of the same size, so that a resumed run sees
 * the same bits as an undisturbed one.
 */
import type { Loader } from '../coco/loader';
import type { Batch } from '../coco/types';
import { tf } from '../tf';
import type { Tensor4D } from '../tf';
import type { Teacher } from './teacher';

/** Gives the teacher's divided pyramid of a batch; the receiver disposes it. */
export type TeacherFeatures = (batch: Batch) => Tensor4D[];

/** The teacher's forward pass in every step: for augmentations that never repeat. */
export function liveFeatures(teacher: Teacher): TeacherFeatures {
  return (batch) => teacher.pyramid(batch.images);
}

/** Undivided features divided by one deviation a level; see `Teacher`. */
export function dividedFeatures(features: TeacherFeatures, deviations: readonly number[]): TeacherFeatures {
  return (batch) => tf.tidy(() => features(batch).map((map, level) => tf.div(map, deviations[level]) as Tensor4D));
}

const key = (id: number, flipped: boolean): string => `${id}${flipped ? '|' : ''}`;

/**
 * Computes and keeps every picture's pyramid, about `4 * values` bytes a picture and flip.
 * @param loaders one in data-set order without flipping, one with everything flipped
 * @param onProgress called with the number of batches done and their total
 */
export async function cachedFeatures(
  teacher: Teacher,
  loaders: { plain: Loader; flipped: Loader },
  onProgress?: (done: number, total: number) => void,
): Promise<TeacherFeatures> {
  const pyramids = new Map<string, Float32Array[]>();
  let shapes: [number, number, number][] | undefined;
  const total = loaders.plain.batchesPerEpoch + loaders.flipped.batchesPerEpoch;
  let done = 0;
  for (const loader of [loaders.plain, loaders.flipped]) {
    for (let step = 0; step < loader.batchesPerEpoch; step++) {
      const { images, origins } = await loader.batch(step);
      const maps = teacher.pyramid(images);
      const found = maps.map((map) => map.shape.slice(1) as [number, number, number]);
      const values = maps.map((map) => map.dataSync() as Float32Array);
      tf.dispose([maps, images]);
      shapes ??= found;
      if (String(found) !== String(shapes)) throw new Error('teacher features can only be cached where all inputs have one size: use liveFeatures');
      origins.forEach(({ id, flipped }, i) => pyramids.set(key(id, flipped), values.map((level) => partOf(level, i, origins.length))));
      onProgress?.(++done, total);
    }
  }
  return fromCache(pyramids, shapes ?? []);
}

/** The values of picture `i` of `n`, copied. */
function partOf(values: Float32Array, i: number, n: number): Float32Array {
  const size = values.length / n;
  return values.slice(i * size, (i + 1) * size);
}

function fromCache(pyramids: Map<string, Float32Array[]>, shapes: [number, number, number][]): TeacherFeatures {
  return ({ origins }) =>
    shapes.map((shape, level) => {
      const size = shape[0] * shape[1] * shape[2];
      const values = new Float32Array(origins.length * size);
      origins.forEach(({ id, flipped }, i) => {
        const maps = pyramids.get(key(id, flipped));
        if (!maps) throw new Error(`picture ${id} is not in the cache of teacher features: it belongs to another data set`);
        values.set(maps[level], i * size);
      });
      return tf.tensor4d(values, [origins.length, ...shape]);
    });
}
